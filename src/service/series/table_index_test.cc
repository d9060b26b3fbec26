#include "service/series/table_index.h"

#include <gtest/gtest.h>

#include <deque>

#include "service/series/dictionary.h"

namespace dunlin::series {
namespace {

class TableIndexTest : public ::testing::Test {
 protected:
  SeriesEntry& make(std::string device, std::string channel, TenantId tenant = kDefaultTenant) {
    return entries_.emplace_back(
        SeriesInfo{SeriesId{1}, tenant, std::move(device), std::move(channel), "", {}});
  }
  void show(SeriesEntry& entry) {
    index_.show(entry);
    entry.presence = SeriesEntry::Presence::shown;
  }
  void hide(SeriesEntry& entry) {
    entry.presence = SeriesEntry::Presence::hidden;
    index_.hide(entry);
  }
  /// "device channel" of each, with commas between.
  std::string text(std::string_view table, std::string_view column, TenantId tenant = kDefaultTenant) const {
    const auto* columns = index_.table(tenant, table);
    if (columns == nullptr) return "no table";
    const auto found = columns->find(column);
    if (found == columns->end()) return "no column";
    std::string all;
    for (const SeriesEntry* entry : found->second.series())
      all += (all.empty() ? "" : ",") + entry->info.device + " " + entry->info.channel;
    return all;
  }

  std::deque<SeriesEntry> entries_;
  TableIndex index_;
};

TEST_F(TableIndexTest, ChannelsHaveTheirPlace) {
  const auto place = [](std::string_view channel) {
    const ColumnName name = column_of(channel);
    return std::string(name.table) + " " + std::string(name.column);
  };
  EXPECT_EQ(place("temperature"), "points temperature");
  EXPECT_EQ(place("readings/velocity"), "readings velocity");
  EXPECT_EQ(place("readings.velocity"), "readings velocity");
  EXPECT_EQ(place("line/motor.rpm"), "line motor.rpm");
  EXPECT_EQ(column_of("points/x").column, "");
  EXPECT_EQ(column_of("readings/").column, "");
  EXPECT_EQ(column_of("").column, "");
}

TEST_F(TableIndexTest, KeepsTheOrderOfDevices) {
  for (const char* device : {"c", "a", "d", "b"}) show(make(device, "m/x"));
  EXPECT_EQ(text("m", "x"), "a m/x,b m/x,c m/x,d m/x");
  show(make("aa", "m/x"));
  show(make("b", "m.x"));
  EXPECT_EQ(text("m", "x"), "a m/x,aa m/x,b m/x,b m.x,c m/x,d m/x");
}

TEST_F(TableIndexTest, WhatIsHiddenMayComeAgain) {
  SeriesEntry& a = make("a", "m/x");
  SeriesEntry& b = make("b", "m/x");
  show(b);
  show(a);
  hide(a);
  EXPECT_EQ(text("m", "x"), "b m/x");
  hide(b);
  EXPECT_EQ(text("m", "x"), "no table");
  EXPECT_EQ(index_.tables(kDefaultTenant), nullptr);
  show(b);
  show(a);
  hide(a);
  show(a);  // nobody has looked in between
  EXPECT_EQ(text("m", "x"), "a m/x,b m/x");
  hide(b);
  index_.forget(b);
  EXPECT_EQ(text("m", "x"), "a m/x");
}

TEST_F(TableIndexTest, TenantsAreApart) {
  show(make("a", "m/x"));
  show(make("b", "m/x", TenantId{2}));
  EXPECT_EQ(text("m", "x"), "a m/x");
  EXPECT_EQ(text("m", "x", TenantId{2}), "b m/x");
  EXPECT_EQ(text("m", "x", TenantId{3}), "no table");
}

}  // namespace
}  // namespace dunlin::series
