// What a query may cost, and how it ends where it would cost more.

#include "service/query/limits.h"

#include <gmock/gmock.h>

#include "service/query/query_fixture.h"

namespace dunlin::query {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

/// Never has loaded what it knows.
class SlowTags final : public TagSource {
 public:
  void load(TenantId, std::move_only_function<void(Result<void>)> loaded) override {
    waiting.push_back(std::move(loaded));
  }
  std::vector<std::string> names(TenantId) const override { return {}; }
  std::optional<std::string> attribute(TenantId, std::string_view, std::string_view) const override {
    return std::nullopt;
  }
  std::vector<ThingRow> things(TenantId) const override { return {}; }
  std::vector<std::move_only_function<void(Result<void>)>> waiting;
};

class QueryLimitsTest : public QueryTest {
 protected:
  void SetUp() override {
    QueryTest::SetUp();
    for (int i = 0; i < 500; ++i) put("d", "m/x", 1'700'000'000 + i, static_cast<double>(i));
    write();
  }
  /// Starts a query and tells how it ends.
  std::shared_ptr<std::string> start(QueryService& on, TenantId tenant = kDefaultTenant) {
    auto end = std::make_shared<std::string>("none");
    RowSink sink;
    sink.columns = [](const auto&, const auto&) {};
    sink.rows = [](const auto&, const auto&) { return RowSink::Go::on; };
    last = on.start({tenant, "SELECT x FROM m"}, std::move(sink), [end](Result<QueryCost> result) {
      *end = result ? "done" : std::string(errc_name(result.error().code));
    });
    return end;
  }

  SlowTags slow;
  QueryId last;
};

TEST_F(QueryLimitsTest, OfTheText) {
  EXPECT_THAT(query("SELECT " + repeated("(", 70) + "1" + repeated(")", 70) + " FROM m"),
              HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(query("SELECT 1" + repeated("+1", 1000) + " FROM m"), HasSubstr("more than 1000 operands"));
  EXPECT_THAT(query("SELECT 1 FROM " + repeated("(SELECT 1 FROM ", 9) + "m" + repeated(") AS t", 9)),
              HasSubstr("nested more than 8 deep"));
  EXPECT_THAT(query("SELECT 1" + repeated(",1", 300) + " FROM m"), HasSubstr("more than 256 columns"));
  EXPECT_THAT(query("SELECT '" + std::string(kMaxQueryBytes, 'a') + "' FROM m"),
              StartsWith("limit_exceeded"));
  EXPECT_THAT(query("SELECT x FROM m WHERE device LIKE '" + std::string(200, '%') + "'"),
              HasSubstr("longer than 128 bytes"));
  EXPECT_THAT(query("SELECT x" + repeated("+x", 200) + " AS big FROM m ORDER BY big" + repeated("+big", 200)),
              HasSubstr("becomes too large"));
}

TEST_F(QueryLimitsTest, OfMemory) {
  std::string sql = "SELECT t || '0'";
  for (int i = 1; i < 200; ++i) sql += ", t || '" + std::to_string(i) + "'";
  sql += " FROM (SELECT '" + std::string(3900, 'a') + "' || time AS t FROM m) AS texts";
  EXPECT_THAT(query(sql), HasSubstr("more memory than it may have"));
}

TEST_F(QueryLimitsTest, OfMemoryOfTextsThatAreGrouped) {
  std::string sql = "SELECT count(x)";
  for (int i = 0; i < 200; ++i) sql += ", max('" + std::string(250, 'a') + std::to_string(i) + "' || x)";
  for (int i = 500; i < 5000; ++i) put("d", "m/x", 1'700'000'000 + i, static_cast<double>(i));
  write();
  EXPECT_THAT(query(sql + " FROM m GROUP BY device"), HasSubstr("more memory than it may have"));
}

TEST_F(QueryLimitsTest, OfGapsToFill) {
  EXPECT_THAT(query("SELECT time_bucket_gapfill('1 ms', time) AS t, locf(max(x)) FROM m WHERE time >= "
                    "'2000-01-01' AND time < "
                    "'2030-01-01' GROUP BY t"),
              HasSubstr("more than 100000 buckets"));
}

TEST_F(QueryLimitsTest, OfTime) {
  QueryService waits(*executor, *store, slow, *metrics);
  const auto end = start(waits);
  settle();
  EXPECT_EQ(*end, "none");
  pass(kMaxQueryTime + std::chrono::seconds{1});
  EXPECT_EQ(*end, "timed_out");
  EXPECT_EQ(waits.running(), 0U);
  for (auto& waiting : slow.waiting) waiting({});  // too late: nothing happens
  settle();
  EXPECT_EQ(*end, "timed_out");
}

TEST_F(QueryLimitsTest, OfQueriesAtOnceForEachTenant) {
  QueryService waits(*executor, *store, slow, *metrics);
  std::vector<std::shared_ptr<std::string>> ends;
  for (std::size_t i = 0; i < kMaxQueriesPerTenant; ++i) ends.push_back(start(waits));
  const auto refused = start(waits);
  const auto other = start(waits, TenantId{2});
  settle();
  EXPECT_EQ(*refused, "quota_exceeded");
  EXPECT_EQ(*other, "none");
  for (auto& waiting : std::exchange(slow.waiting, {})) waiting({});
  settle();
  for (const auto& end : ends) EXPECT_EQ(*end, "done");
  EXPECT_EQ(*other, "not_found");
  EXPECT_EQ(waits.running(), 0U);
}

TEST_F(QueryLimitsTest, CancellingEndsAQuery) {
  const auto before_it_runs = start(*service);
  service->cancel(last);
  settle();
  EXPECT_EQ(*before_it_runs, "cancelled");
  auto waits = std::make_unique<QueryService>(*executor, *store, slow, *metrics);
  const auto end = start(*waits);
  settle();
  waits.reset();
  EXPECT_EQ(*end, "cancelled");
  settle();
}

TEST_F(QueryLimitsTest, WhoHasAskedCancelsByName) {
  auto waits = std::make_unique<QueryService>(*executor, *store, slow, *metrics);
  table = model::OperationTable();
  waits->declare(table);
  const auto as = [this](std::string user, std::string_view operation, boost::json::object request) {
    auto who = std::make_shared<Principal>();
    who->kind = PrincipalKind::user;
    who->name = std::move(user);
    who->permissions = {"series:read"};
    auto end = std::make_shared<std::string>("none");
    table.invoke(*table.find(operation), {std::move(who), "test"}, std::move(request), [end](auto result) {
      *end = result ? "done" : std::string(errc_name(result.error().code));
    });
    settle();
    return end;
  };
  const boost::json::object request{{"sql", "SELECT x FROM m"}, {"id", "mine"}};
  const auto of_ada = as("ada", "series.query", request);
  const auto of_bob = as("bob", "series.query", request);
  EXPECT_EQ(*as("ada", "series.query", request), "already_exists");
  EXPECT_EQ(*as("eve", "series.cancel", {{"id", "mine"}}), "not_found");
  EXPECT_EQ(*as("ada", "series.cancel", {{"id", "other"}}), "not_found");
  EXPECT_EQ(*as("ada", "series.cancel", {{"id", "mine"}}), "done");
  EXPECT_EQ(*of_ada, "cancelled");
  EXPECT_EQ(*of_bob, "none");
  EXPECT_EQ(*as("ada", "series.cancel", {{"id", "mine"}}), "not_found");
  EXPECT_EQ(waits->running(), 1U);
  EXPECT_EQ(*as("ada", "series.query", {{"sql", "SELECT x FROM m"}, {"id", std::string(65, 'x')}}),
            "invalid_argument");
  waits.reset();
  EXPECT_EQ(*of_bob, "cancelled");
  settle();
}

TEST_F(QueryLimitsTest, LongWorkLeavesTheThreadToOthersInBetween) {
  for (int i = 0; i < 200; ++i) {
    for (int j = 0; j < 40; ++j) put("e" + std::to_string(i), "m/x", 1'700'000'000 + j, 1.0);
  }
  write();
  const auto end = start(*service);
  std::size_t turns = 0;
  std::function<void()> other = [&] {
    ++turns;
    if (*end == "none") executor->post(other);
  };
  executor->post(other);
  settle();
  EXPECT_EQ(*end, "done");
  EXPECT_GT(turns, 20U);
}

}  // namespace
}  // namespace dunlin::query
