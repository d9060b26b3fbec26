#include "store/keyed_scan.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "store/reference_keyed.h"
#include "store/test_machine.h"

namespace dunlin::store {
namespace {

struct KeyedScanTest : testing::Test {
  void SetUp() override {
    keyed = *open_reference_keyed(machine.fs, *machine.workers, "keyed");
    Batch batch;
    for (int i = 100; i < 110; ++i) batch.puts.push_back({Table::meta, "a/" + std::to_string(i), "x"});
    batch.puts.push_back({Table::meta, "b/100", "x"});
    bool written = false;
    keyed->write(*machine.executor, std::move(batch),
                 [&](Result<void> result) { written = result.has_value(); });
    ASSERT_TRUE(machine.scheduler.run_until([&] { return written; }, std::chrono::seconds{1}));
  }
  /// The keys that were seen, and how it ended.
  std::string walk(Range range, const std::string& stop_at = "") {
    std::string seen;
    std::optional<Result<void>> end;
    auto each = [&](const Entry& entry) -> Result<void> {
      if (entry.key == stop_at) return fail(Errc::corrupt, "not this one");
      seen += entry.key.substr(2) + " ";
      return {};
    };
    for_each_entry(*machine.executor, *keyed, Table::meta, std::move(range), std::move(each),
                   [&](Result<void> result) { end = std::move(result); });
    EXPECT_TRUE(machine.scheduler.run_until([&] { return end.has_value(); }, std::chrono::seconds{1}));
    return seen + (*end ? "ok" : std::string(errc_name(end->error().code)));
  }

  TestMachine machine;
  std::unique_ptr<Keyed> keyed;
};

TEST_F(KeyedScanTest, GoesFromPartToPart) {
  const std::string all = "100 101 102 103 104 105 106 107 108 109 ok";
  for (const std::size_t part : {1, 3, 10, 1000})
    EXPECT_EQ(walk({.begin = "a/", .end = "a0", .max_entries = part}), all) << part;
  EXPECT_EQ(walk({.begin = "a/105", .end = "a/108", .max_entries = 2}), "105 106 107 ok");
  EXPECT_EQ(walk({.begin = "c", .end = "d"}), "ok");
}

TEST_F(KeyedScanTest, EndsAtTheFirstError) {
  EXPECT_EQ(walk({.begin = "a/", .end = "a0", .max_entries = 2}, "a/103"), "100 101 102 corrupt");
}

}  // namespace
}  // namespace dunlin::store
