#pragma once
// What every implementation of Repository must do. What a harness has: store_caller.h.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "store/conformance/store_caller.h"
#include "store/limits.h"
#include "store/repository.h"

namespace dunlin::store {

/// The store with calls that wait for their answer.
template <class Harness>
class RepositoryCaller : public StoreCaller<Harness, Repository> {
 public:
  using Versions = std::vector<std::uint64_t>;
  using Found = std::optional<Document>;

  Found get(DocumentKind kind, const std::string& id, std::uint32_t tenant = 1) {
    return this->template wait<Found>([&](Repository& store, Executor& executor, auto done) {
      store.get(executor, kind, tenant, id, std::move(done));
    });
  }
  Result<Versions> write(std::vector<Change> changes) {
    return this->template try_wait<Versions>([&](Repository& store, Executor& executor, auto done) {
      store.write(executor, std::move(changes), std::move(done));
    });
  }
  std::vector<Document> find(Query query) {
    return this->template wait<std::vector<Document>>([&](Repository& store, Executor& executor, auto done) {
      store.find(executor, std::move(query), std::move(done));
    });
  }
  std::size_t count(DocumentKind kind, const std::string& name, const std::string& value,
                    std::uint32_t tenant = 1) {
    return this->template wait<std::size_t>([&](Repository& store, Executor& executor, auto done) {
      store.count(executor, kind, tenant, {name, value}, std::move(done));
    });
  }
  /// The ids that a query finds, joined by spaces.
  std::string ids(Query query) { return joined(find(std::move(query)), &Document::id); }

  static Change put(DocumentKind kind, std::string id, std::string body,
                    std::vector<std::pair<std::string, std::string>> index = {}) {
    Change change;
    change.kind = kind;
    change.document = {std::move(id), 0, std::move(body), std::move(index)};
    return change;
  }
  static Change removal(DocumentKind kind, std::string id) {
    Change change = put(kind, std::move(id), "");
    change.action = Change::Action::remove;
    return change;
  }
};

template <class Harness>
class RepositoryConformance : public testing::Test {
 protected:
  using Caller = RepositoryCaller<Harness>;
  void SetUp() override { calls_.open(); }
  Caller calls_;
};
TYPED_TEST_SUITE_P(RepositoryConformance);

TYPED_TEST_P(RepositoryConformance, CreatesChangesAndRemoves) {
  auto& calls = this->calls_;
  using Calls = typename TestFixture::Caller;
  using Versions = typename Calls::Versions;
  const auto kind = DocumentKind::thing;
  EXPECT_FALSE(calls.get(kind, "press"));
  EXPECT_EQ(calls.write({Calls::put(kind, "press", "{}", {{"type", "machine"}})}), Versions{1});
  EXPECT_EQ(calls.write({Calls::put(kind, "press", "{\"a\":1}", {{"type", "robot"}, {"site", "x"}})}),
            Versions{2});
  const auto found = calls.get(kind, "press");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, "press");
  EXPECT_EQ(found->version, 2U);
  EXPECT_EQ(found->body, "{\"a\":1}");
  EXPECT_EQ(found->index,
            (std::vector<std::pair<std::string, std::string>>{{"type", "robot"}, {"site", "x"}}));
  EXPECT_EQ(calls.write({Calls::removal(kind, "press")}), Versions{0});
  EXPECT_EQ(calls.write({Calls::removal(kind, "press")}), Versions{0});
  EXPECT_FALSE(calls.get(kind, "press"));
  EXPECT_EQ(calls.write({Calls::put(kind, "press", "{}")}), Versions{1});
}

TYPED_TEST_P(RepositoryConformance, KindsAndTenantsAreApart) {
  auto& calls = this->calls_;
  using Calls = typename TestFixture::Caller;
  Change other = Calls::put(DocumentKind::thing, "x", "tenant 2");
  other.tenant = 2;
  ASSERT_TRUE(calls.write(
      {Calls::put(DocumentKind::thing, "x", "thing"), Calls::put(DocumentKind::user, "x", "user"), other}));
  EXPECT_EQ(calls.get(DocumentKind::thing, "x")->body, "thing");
  EXPECT_EQ(calls.get(DocumentKind::user, "x")->body, "user");
  EXPECT_EQ(calls.get(DocumentKind::thing, "x", 2)->body, "tenant 2");
  EXPECT_FALSE(calls.get(DocumentKind::user, "x", 2));
  EXPECT_EQ(calls.find({.kind = DocumentKind::thing, .tenant = 2}).size(), 1U);
}

TYPED_TEST_P(RepositoryConformance, ExpectedVersionsHoldOrNothingHappens) {
  auto& calls = this->calls_;
  using Calls = typename TestFixture::Caller;
  using Versions = typename Calls::Versions;
  const auto kind = DocumentKind::policy;
  Change create = Calls::put(kind, "p", "1");
  create.expected_version = 0;
  ASSERT_TRUE(calls.write({create}));
  EXPECT_EQ(calls.write({create}).error().code, Errc::conflict);
  Change change = Calls::put(kind, "p", "2");
  change.expected_version = 7;
  EXPECT_EQ(calls.write({Calls::put(kind, "before", ""), change}).error().code, Errc::conflict);
  EXPECT_FALSE(calls.get(kind, "before"));
  EXPECT_EQ(calls.get(kind, "p")->body, "1");
  change.expected_version = 1;
  EXPECT_EQ(calls.write({change}), Versions{2});
  Change removal = Calls::removal(kind, "p");
  removal.expected_version = 1;
  EXPECT_EQ(calls.write({removal}).error().code, Errc::conflict);
  removal.expected_version = 2;
  EXPECT_TRUE(calls.write({removal}));
  EXPECT_EQ(calls.write({removal}).error().code, Errc::conflict);
}

TYPED_TEST_P(RepositoryConformance, LaterChangesSeeEarlierOnes) {
  auto& calls = this->calls_;
  using Calls = typename TestFixture::Caller;
  using Versions = typename Calls::Versions;
  const auto kind = DocumentKind::rule;
  Change again = Calls::put(kind, "r", "second");
  again.expected_version = 1;
  EXPECT_EQ(calls.write({Calls::put(kind, "r", "first"), again}), (Versions{1, 2}));
  EXPECT_EQ(calls.get(kind, "r")->body, "second");
  EXPECT_EQ(calls.write({Calls::removal(kind, "r"), Calls::put(kind, "r", "third")}), (Versions{0, 1}));
  EXPECT_EQ(calls.get(kind, "r")->body, "third");
  EXPECT_EQ(calls.write({}), Versions{});
}

TYPED_TEST_P(RepositoryConformance, FindsByFieldsAndPrefix) {
  auto& calls = this->calls_;
  using Calls = typename TestFixture::Caller;
  const auto kind = DocumentKind::thing;
  ASSERT_TRUE(calls.write({Calls::put(kind, "b1", "", {{"site", "x"}, {"type", "m"}}),
                           Calls::put(kind, "a1", "", {{"site", "x"}, {"type", "n"}}),
                           Calls::put(kind, "a2", "", {{"site", "y"}, {"type", "m"}}),
                           Calls::put(kind, "a3", "", {{"site", "x"}, {"type", "m"}, {"type", "extra"}})}));
  EXPECT_EQ(calls.ids({.kind = kind}), "a1 a2 a3 b1");
  EXPECT_EQ(calls.ids({.kind = kind, .equals = {{"site", "x"}}}), "a1 a3 b1");
  EXPECT_EQ(calls.ids({.kind = kind, .equals = {{"site", "x"}, {"type", "m"}}}), "a3 b1");
  EXPECT_EQ(calls.ids({.kind = kind, .equals = {{"type", "extra"}}}), "a3");
  EXPECT_EQ(calls.ids({.kind = kind, .equals = {{"site", "x"}}, .id_prefix = "a"}), "a1 a3");
  EXPECT_EQ(calls.ids({.kind = kind, .equals = {{"site", "nowhere"}}}), "");
  EXPECT_EQ(calls.ids({.kind = kind, .equals = {{"si", "te"}}}), "");
  EXPECT_EQ(calls.ids({.kind = kind, .id_prefix = "b"}), "b1");
  EXPECT_EQ(calls.ids({.kind = kind, .id_prefix = "b", .after_id = "a9"}), "b1");
  EXPECT_EQ(calls.ids({.kind = kind, .id_prefix = "a", .after_id = "b"}), "");
  EXPECT_EQ(calls.count(kind, "site", "x"), 3U);
  EXPECT_EQ(calls.count(kind, "type", "extra"), 1U);
  EXPECT_EQ(calls.count(kind, "site", "nowhere"), 0U);
  EXPECT_EQ(calls.count(kind, "site", "x", 2), 0U);
  EXPECT_EQ(calls.count(DocumentKind::user, "site", "x"), 0U);
  // The index follows a change and a removal.
  ASSERT_TRUE(calls.write({Calls::put(kind, "a1", "", {{"site", "z"}}), Calls::removal(kind, "a3")}));
  EXPECT_EQ(calls.count(kind, "site", "x"), 1U);
  EXPECT_EQ(calls.ids({.kind = kind, .equals = {{"site", "x"}}}), "b1");
  EXPECT_EQ(calls.ids({.kind = kind, .equals = {{"site", "z"}}}), "a1");
}

TYPED_TEST_P(RepositoryConformance, FindPages) {
  auto& calls = this->calls_;
  using Calls = typename TestFixture::Caller;
  const auto kind = DocumentKind::certificate;
  std::vector<Change> changes;
  for (int i = 100; i < 150; ++i) changes.push_back(Calls::put(kind, std::to_string(i), "", {{"all", "1"}}));
  ASSERT_TRUE(calls.write(changes));
  EXPECT_EQ(calls.count(kind, "all", "1"), 50U);
  for (const bool by_field : {false, true}) {
    Query query{.kind = kind, .limit = 8};
    if (by_field) query.equals = {{"all", "1"}};
    int next = 100;
    while (true) {
      const auto page = calls.find(query);
      if (page.empty()) break;
      EXPECT_LE(page.size(), 8U);
      for (const Document& document : page) EXPECT_EQ(document.id, std::to_string(next++));
      query.after_id = page.back().id;
    }
    EXPECT_EQ(next, 150);
  }
  EXPECT_EQ(calls.ids({.kind = kind, .limit = 0}), "");
}

TYPED_TEST_P(RepositoryConformance, IdsAndFieldsAreAnyBytes) {
  auto& calls = this->calls_;
  using Calls = typename TestFixture::Caller;
  const auto kind = DocumentKind::setting;
  const std::string id{"\0'\"%_\xff", 6};
  const std::string value{"v\0\xff", 3};
  ASSERT_TRUE(
      calls.write({Calls::put(kind, id, std::string("\0body", 5), {{"f", value}}), Calls::put(kind, "Z", ""),
                   Calls::put(kind, "a", ""), Calls::put(kind, "\xc3\xa4", "")}));
  EXPECT_EQ(calls.get(kind, id)->body, std::string("\0body", 5));
  EXPECT_EQ(calls.ids({.kind = kind, .equals = {{"f", value}}}), id);
  EXPECT_EQ(calls.ids({.kind = kind, .equals = {{"f", "v"}}}), "");
  EXPECT_EQ(calls.ids({.kind = kind}), id + " Z a \xc3\xa4");
  EXPECT_EQ(calls.ids({.kind = kind, .id_prefix = std::string("\0'", 2)}), id);
  EXPECT_EQ(calls.ids({.kind = kind, .id_prefix = "%"}), "");
}

TYPED_TEST_P(RepositoryConformance, PastTheLimits) {
  auto& calls = this->calls_;
  using Calls = typename TestFixture::Caller;
  const auto kind = DocumentKind::token;
  const auto error_of = [&](Change change) {
    const auto result = calls.write({std::move(change)});
    return result ? Errc::internal : result.error().code;
  };
  EXPECT_EQ(error_of(Calls::put(kind, "", "")), Errc::invalid_argument);
  EXPECT_EQ(error_of(Calls::put(kind, std::string(kMaxDocumentId + 1, 'i'), "")), Errc::limit_exceeded);
  EXPECT_EQ(error_of(Calls::put(kind, "i", std::string(kMaxDocumentBytes + 1, 'b'))), Errc::limit_exceeded);
  EXPECT_EQ(error_of(Calls::put(kind, "i", "", {{"f", std::string(kMaxIndexText + 1, 'v')}})),
            Errc::limit_exceeded);
  EXPECT_EQ(error_of(Calls::put(kind, "i", "", {kMaxIndexFields + 1, {"f", "v"}})), Errc::limit_exceeded);
  EXPECT_EQ(calls.write(std::vector<Change>(kMaxChanges + 1, Calls::put(kind, "i", ""))).error().code,
            Errc::limit_exceeded);
  EXPECT_TRUE(calls.write({Calls::put(kind, std::string(kMaxDocumentId, 'i'), "")}));
}

TYPED_TEST_P(RepositoryConformance, OneOfManyRacersWins) {
  auto& calls = this->calls_;
  using Calls = typename TestFixture::Caller;
  auto& harness = calls.harness();
  constexpr int kRacers = 30;
  int answered = 0;
  int won = 0;
  for (int i = 0; i < kRacers; ++i) {
    Change change = Calls::put(DocumentKind::user, "admin", std::to_string(i));
    change.expected_version = 0;
    calls.store().write(harness.executor(), {std::move(change)},
                        [&](Result<std::vector<std::uint64_t>> result) {
                          ++answered;
                          won += result ? 1 : 0;
                        });
  }
  ASSERT_TRUE(harness.run_until([&] { return answered == kRacers; }));
  EXPECT_EQ(won, 1);
}

TYPED_TEST_P(RepositoryConformance, SurvivesReopening) {
  auto& calls = this->calls_;
  using Calls = typename TestFixture::Caller;
  SeededRng rng(5);
  std::map<std::string, std::pair<std::uint64_t, std::string>> model;
  for (int round = 0; round < 60; ++round) {
    const std::string id = "id" + std::to_string(rng.below(20));
    if (rng.below(4) == 0) {
      ASSERT_TRUE(calls.write({Calls::removal(DocumentKind::thing, id)}));
      model.erase(id);
    } else {
      const std::string body(rng.below(8000), static_cast<char>('a' + round % 26));
      ASSERT_TRUE(
          calls.write({Calls::put(DocumentKind::thing, id, body, {{"round", std::to_string(round % 3)}})}));
      model[id] = {model[id].first + 1, body};
    }
    if (round % 20 != 19) continue;
    calls.reopen();
    const auto found = calls.find({.kind = DocumentKind::thing});
    ASSERT_EQ(found.size(), model.size());
    for (const Document& document : found) {
      EXPECT_EQ(document.version, model[document.id].first);
      EXPECT_EQ(document.body, model[document.id].second);
    }
  }
}

REGISTER_TYPED_TEST_SUITE_P(RepositoryConformance, CreatesChangesAndRemoves, KindsAndTenantsAreApart,
                            ExpectedVersionsHoldOrNothingHappens, LaterChangesSeeEarlierOnes,
                            FindsByFieldsAndPrefix, FindPages, IdsAndFieldsAreAnyBytes, PastTheLimits,
                            OneOfManyRacersWins, SurvivesReopening);

}  // namespace dunlin::store
