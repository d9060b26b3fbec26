#pragma once
// What every implementation of Keyed must do. What a harness has: store_caller.h.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "store/conformance/store_caller.h"
#include "store/keyed.h"
#include "store/limits.h"

namespace dunlin::store {

/// The store with calls that wait for their answer.
template <class Harness>
class KeyedCaller : public StoreCaller<Harness, Keyed> {
 public:
  using Value = std::optional<std::string>;

  Result<Value> try_get(Table table, const std::string& key) {
    return this->template try_wait<Value>([&](Keyed& store, Executor& executor, auto done) {
      store.get(executor, table, key, std::move(done));
    });
  }
  Value get(Table table, const std::string& key) {
    const auto answer = try_get(table, key);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *answer : Value{};
  }
  Result<void> write(Batch batch) {
    return this->template try_wait<void>([&](Keyed& store, Executor& executor, auto done) {
      store.write(executor, std::move(batch), std::move(done));
    });
  }
  Result<void> put(Table table, std::string key, std::string value) {
    Batch batch;
    batch.puts.push_back({table, std::move(key), std::move(value)});
    return write(std::move(batch));
  }
  std::vector<Entry> range(Table table, Range range) {
    return this->template wait<std::vector<Entry>>([&](Keyed& store, Executor& executor, auto done) {
      store.range(executor, table, std::move(range), std::move(done));
    });
  }
  std::vector<RangePart> ranges(Table table, std::vector<Range> ranges) {
    return this->template wait<std::vector<RangePart>>([&](Keyed& store, Executor& executor, auto done) {
      store.ranges(executor, table, std::move(ranges), std::move(done));
    });
  }
  /// The keys of a range, joined by spaces.
  std::string keys(Table table, Range limits) { return joined(range(table, std::move(limits)), &Entry::key); }
};

template <class Harness>
class KeyedConformance : public testing::Test {
 protected:
  void SetUp() override { calls_.open(); }
  KeyedCaller<Harness> calls_;
};
TYPED_TEST_SUITE_P(KeyedConformance);

TYPED_TEST_P(KeyedConformance, PutsGetsAndDeletes) {
  auto& calls = this->calls_;
  EXPECT_EQ(calls.get(Table::shadow, "a"), std::nullopt);
  ASSERT_TRUE(calls.put(Table::shadow, "a", "1"));
  EXPECT_EQ(calls.get(Table::shadow, "a"), "1");
  EXPECT_EQ(calls.get(Table::retained, "a"), std::nullopt);
  ASSERT_TRUE(calls.put(Table::shadow, "a", "2"));
  EXPECT_EQ(calls.get(Table::shadow, "a"), "2");
  Batch removal;
  removal.deletes.push_back({Table::shadow, "a"});
  removal.deletes.push_back({Table::shadow, "never there"});
  ASSERT_TRUE(calls.write(removal));
  EXPECT_EQ(calls.get(Table::shadow, "a"), std::nullopt);
}

TYPED_TEST_P(KeyedConformance, KeysAndValuesAreAnyBytes) {
  auto& calls = this->calls_;
  const std::string key{"\0\xff k\0", 5};
  const std::string value{"\0\n\xfe", 3};
  ASSERT_TRUE(calls.put(Table::meta, key, value));
  ASSERT_TRUE(calls.put(Table::meta, "", "the empty key"));
  ASSERT_TRUE(calls.put(Table::meta, "empty", ""));
  EXPECT_EQ(calls.get(Table::meta, key), value);
  EXPECT_EQ(calls.get(Table::meta, ""), "the empty key");
  EXPECT_EQ(calls.get(Table::meta, "empty"), "");
  const std::string large(3'000'000, 'v');
  ASSERT_TRUE(calls.put(Table::meta, "large", large));
  EXPECT_EQ(calls.get(Table::meta, "large"), large);
}

TYPED_TEST_P(KeyedConformance, ABatchSpansTables) {
  auto& calls = this->calls_;
  Batch batch;
  for (std::size_t i = 0; i < kTableCount; ++i)
    batch.puts.push_back({static_cast<Table>(i), "k", std::to_string(i)});
  ASSERT_TRUE(calls.write(batch));
  for (std::size_t i = 0; i < kTableCount; ++i)
    EXPECT_EQ(calls.get(static_cast<Table>(i), "k"), std::to_string(i));
}

TYPED_TEST_P(KeyedConformance, APutWinsOverADeleteOfTheSameBatch) {
  auto& calls = this->calls_;
  Batch batch;
  batch.puts = {{Table::rule, "k", "first"}, {Table::rule, "k", "last"}};
  batch.deletes = {{Table::rule, "k"}};
  ASSERT_TRUE(calls.write(batch));
  EXPECT_EQ(calls.get(Table::rule, "k"), "last");
}

TYPED_TEST_P(KeyedConformance, ExpectationsHoldOrNothingHappens) {
  auto& calls = this->calls_;
  Batch create;
  create.puts.push_back({Table::session, "s", "1"});
  create.expectations.push_back({Table::session, "s", std::nullopt});
  ASSERT_TRUE(calls.write(create));
  EXPECT_EQ(calls.write(create).error().code, Errc::conflict);
  Batch change;
  change.puts = {{Table::session, "s", "2"}, {Table::session, "other", "x"}};
  change.expectations = {{Table::session, "s", "wrong"}};
  EXPECT_EQ(calls.write(change).error().code, Errc::conflict);
  EXPECT_EQ(calls.get(Table::session, "s"), "1");
  EXPECT_EQ(calls.get(Table::session, "other"), std::nullopt);
  change.expectations = {{Table::session, "s", "1"}, {Table::meta, "absent", std::nullopt}};
  ASSERT_TRUE(calls.write(change));
  EXPECT_EQ(calls.get(Table::session, "s"), "2");
  Batch only_asks;
  only_asks.expectations = {{Table::session, "s", "2"}};
  EXPECT_TRUE(calls.write(only_asks));
  only_asks.expectations = {{Table::session, "s", "1"}};
  EXPECT_EQ(calls.write(only_asks).error().code, Errc::conflict);
}

TYPED_TEST_P(KeyedConformance, OneOfManyRacersWins) {
  auto& calls = this->calls_;
  auto& harness = calls.harness();
  constexpr int kRacers = 50;
  int answered = 0;
  int won = 0;
  for (int i = 0; i < kRacers; ++i) {
    Batch batch;
    batch.puts.push_back({Table::meta, "owner", std::to_string(i)});
    batch.expectations.push_back({Table::meta, "owner", std::nullopt});
    calls.store().write(harness.executor(), std::move(batch), [&](Result<void> result) {
      ++answered;
      won += result ? 1 : 0;
    });
  }
  ASSERT_TRUE(harness.run_until([&] { return answered == kRacers; }));
  EXPECT_EQ(won, 1);
}

TYPED_TEST_P(KeyedConformance, WritesTakeEffectInTheirOrder) {
  auto& calls = this->calls_;
  auto& harness = calls.harness();
  constexpr int kWrites = 300;
  std::vector<int> answers;
  for (int i = 0; i < kWrites; ++i) {
    Batch batch;
    batch.puts.push_back({Table::meta, "n", std::to_string(i)});
    // Some with an expectation, some without: the order holds across both.
    if (i % 7 == 3) batch.expectations.push_back({Table::meta, "n", std::to_string(i - 1)});
    calls.store().write(harness.executor(), std::move(batch),
                        [&answers, i](Result<void> result) { answers.push_back(result ? i : -1); });
  }
  ASSERT_TRUE(harness.run_until([&] { return answers.size() == kWrites; }));
  for (int i = 0; i < kWrites; ++i) EXPECT_EQ(answers[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(calls.get(Table::meta, "n"), std::to_string(kWrites - 1));
}

TYPED_TEST_P(KeyedConformance, RangesAreOrderedByBytes) {
  auto& calls = this->calls_;
  Batch batch;
  for (const char* key : {"b", "a", "c", "ab", "B", "\xc3\xa4"})
    batch.puts.push_back({Table::series, key, "v"});
  batch.puts.push_back({Table::alarm, "aa", "of another table"});
  ASSERT_TRUE(calls.write(batch));
  EXPECT_EQ(calls.keys(Table::series, {}), "B a ab b c \xc3\xa4");
  EXPECT_EQ(calls.keys(Table::series, {.begin = "a", .end = "c"}), "a ab b");
  EXPECT_EQ(calls.keys(Table::series, {.begin = "aa", .end = ""}), "ab b c \xc3\xa4");
  EXPECT_EQ(calls.keys(Table::series, {.begin = "", .end = "a"}), "B");
  EXPECT_EQ(calls.keys(Table::series, {.begin = "c", .end = "a"}), "");
  EXPECT_EQ(calls.keys(Table::series, {.begin = "c", .end = "c"}), "");
  EXPECT_EQ(calls.keys(Table::series, {.begin = "x", .end = "y"}), "");
}

TYPED_TEST_P(KeyedConformance, DescendingRangesKeepTheirBounds) {
  auto& calls = this->calls_;
  Batch batch;
  for (const char* key : {"a", "b", "c", "d"}) batch.puts.push_back({Table::series, key, "v"});
  ASSERT_TRUE(calls.write(batch));
  const auto descending = Range::Order::descending;
  EXPECT_EQ(calls.keys(Table::series, {.begin = "", .end = "", .order = descending}), "d c b a");
  EXPECT_EQ(calls.keys(Table::series, {.begin = "b", .end = "d", .order = descending}), "c b");
  EXPECT_EQ(calls.keys(Table::series, {.begin = "b", .end = "", .max_entries = 1, .order = descending}), "d");
  EXPECT_EQ(calls.keys(Table::series, {.begin = "bb", .end = "cc", .order = descending}), "c");
  EXPECT_EQ(calls.keys(Table::series, {.begin = "d", .end = "b", .order = descending}), "");
}

TYPED_TEST_P(KeyedConformance, RangesPage) {
  auto& calls = this->calls_;
  Batch batch;
  for (int i = 100; i < 200; ++i)
    batch.puts.push_back({Table::series, std::to_string(i), std::string(100, 'v')});
  ASSERT_TRUE(calls.write(batch));
  std::string begin;
  int pages = 0;
  std::size_t count = 0;
  while (true) {
    const auto page = calls.range(Table::series, {.begin = begin, .end = "", .max_entries = 7});
    if (page.empty()) break;
    EXPECT_LE(page.size(), 7U);
    ++pages;
    for (const Entry& entry : page) EXPECT_EQ(entry.key, std::to_string(100 + count++));
    begin = page.back().key + std::string(1, '\0');
  }
  EXPECT_EQ(count, 100U);
  EXPECT_EQ(pages, 15);
  EXPECT_EQ(calls.range(Table::series, {.begin = "", .end = "", .max_bytes = 350}).size(), 3U);
  EXPECT_EQ(calls.range(Table::series, {.begin = "", .end = "", .max_bytes = 1}).size(), 1U);
  EXPECT_EQ(calls.range(Table::series, {.begin = "", .end = "", .max_entries = 0}).size(), 0U);
}

/// A part that says that it is whole is whole; whatever is cut can be read on.
TYPED_TEST_P(KeyedConformance, SeveralRangesAreReadAsOneByOne) {
  auto& calls = this->calls_;
  Batch batch;
  for (int i = 100; i < 200; ++i)
    batch.puts.push_back({Table::series, std::to_string(i), std::string(100, 'v')});
  ASSERT_TRUE(calls.write(batch));
  using Order = Range::Order;
  const std::vector<Range> asked = {
      {.begin = "150", .end = "153"},
      {.begin = "110", .end = "190", .max_entries = 4},
      {.begin = "110", .end = "112", .max_entries = 2},
      {.begin = "300", .end = "400"},
      {.begin = "", .end = "", .max_bytes = 350},
      {.begin = "198", .end = ""},
      {.begin = "120", .end = "150", .max_entries = 1, .order = Order::descending},
      {.begin = "199", .end = "", .order = Order::descending},
      {.begin = "149", .end = "1500", .order = Order::descending},
      {.begin = "160", .end = "150"},
      {.begin = "197", .end = "199", .max_bytes = 150},
  };
  const std::vector<RangePart> parts = calls.ranges(Table::series, asked);
  ASSERT_EQ(parts.size(), asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto alone = calls.range(Table::series, asked[i]);
    EXPECT_EQ(joined(parts[i].entries, &Entry::key), joined(alone, &Entry::key)) << i;
    if (parts[i].end == RangePart::End::cut) continue;
    Range all = asked[i];
    all.max_entries = 1000;
    all.max_bytes = 1'000'000;
    EXPECT_EQ(calls.range(Table::series, all).size(), parts[i].entries.size()) << i;
  }
  EXPECT_EQ(parts[3].end, RangePart::End::reached);
  EXPECT_EQ(parts[1].end, RangePart::End::cut);
  EXPECT_EQ(parts[10].end, RangePart::End::cut);
  EXPECT_TRUE(calls.ranges(Table::series, {}).empty());
}

TYPED_TEST_P(KeyedConformance, ALowerEpochIsFencedOff) {
  auto& calls = this->calls_;
  Batch batch;
  batch.puts.push_back({Table::meta, "k", "5"});
  batch.epoch = 5;
  ASSERT_TRUE(calls.write(batch));
  batch.puts.front().value = "4";
  batch.epoch = 4;
  EXPECT_EQ(calls.write(batch).error().code, Errc::conflict);
  calls.reopen();
  EXPECT_EQ(calls.write(batch).error().code, Errc::conflict);
  EXPECT_EQ(calls.get(Table::meta, "k"), "5");
  EXPECT_EQ(calls.keys(Table::meta, {}), "k");
  batch.epoch = 5;
  EXPECT_TRUE(calls.write(batch));
}

TYPED_TEST_P(KeyedConformance, PastTheLimits) {
  auto& calls = this->calls_;
  EXPECT_TRUE(calls.put(Table::meta, std::string(kMaxKeyBytes, 'k'), "v"));
  EXPECT_EQ(calls.put(Table::meta, std::string(kMaxKeyBytes + 1, 'k'), "v").error().code,
            Errc::limit_exceeded);
  EXPECT_EQ(calls.put(static_cast<Table>(kTableCount), "k", "v").error().code, Errc::invalid_argument);
  EXPECT_EQ(calls.try_get(static_cast<Table>(kTableCount), "k").error().code, Errc::invalid_argument);
}

TYPED_TEST_P(KeyedConformance, AgreesWithAMapAndSurvivesReopening) {
  auto& calls = this->calls_;
  SeededRng rng(11);
  std::map<std::string, std::string> model;
  for (int round = 0; round < 60; ++round) {
    Batch batch;
    for (std::uint64_t i = 0, count = rng.below(30); i < count; ++i) {
      const std::string key = "key" + std::to_string(rng.below(200));
      const bool taken = std::ranges::any_of(batch.puts, [&](const Put& put) { return put.key == key; });
      if (rng.below(3) == 0 && !taken) {
        batch.deletes.push_back({Table::presence, key});
        model.erase(key);
      } else {
        batch.puts.push_back(
            {Table::presence, key, std::string(rng.below(2000), static_cast<char>('a' + round % 26))});
        model[key] = batch.puts.back().value;
      }
    }
    ASSERT_TRUE(calls.write(std::move(batch)));
    if (round % 20 == 19) calls.reopen();
    const auto found = calls.range(Table::presence, {.begin = "", .end = "", .max_entries = 10'000});
    ASSERT_EQ(found.size(), model.size());
    std::size_t i = 0;
    for (const auto& [key, value] : model) {
      EXPECT_EQ(found[i].key, key);
      EXPECT_EQ(found[i++].value, value);
    }
  }
}

REGISTER_TYPED_TEST_SUITE_P(KeyedConformance, PutsGetsAndDeletes, KeysAndValuesAreAnyBytes, ABatchSpansTables,
                            APutWinsOverADeleteOfTheSameBatch, ExpectationsHoldOrNothingHappens,
                            OneOfManyRacersWins, WritesTakeEffectInTheirOrder, RangesAreOrderedByBytes,
                            DescendingRangesKeepTheirBounds, RangesPage, SeveralRangesAreReadAsOneByOne,
                            ALowerEpochIsFencedOff, PastTheLimits, AgreesWithAMapAndSurvivesReopening);

}  // namespace dunlin::store
