#include "service/query/row_stream.h"

#include <gmock/gmock.h>

#include "service/query/query_fixture.h"

namespace dunlin::query {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class RowStreamTest : public QueryTest {
 protected:
  static constexpr int kDevices = 50;
  static constexpr int kPoints = 4000;

  void SetUp() override {
    QueryTest::SetUp();
    for (int device = 0; device < kDevices; ++device) {
      for (int i = 0; i < kPoints; ++i)
        put("d" + std::to_string(device), "m/x", 1'700'000'000 + i, static_cast<double>(i % 100));
    }
    write();
  }

  std::unique_ptr<RowStream> open(std::string sql, RowFormat format, std::string name = {}) {
    auto who = std::make_shared<Principal>();
    who->kind = PrincipalKind::user;
    who->name = "ada";
    auto stream =
        RowStream::open(*service, {{std::move(who), "test"}, std::move(sql), format, std::move(name)});
    if (!stream) {
      last_error = stream.error();
      return nullptr;
    }
    return *std::move(stream);
  }
  /// The next piece; "" is the end, and nullopt where there is none yet.
  std::optional<std::string> read(RowStream& stream, std::size_t most = 64 * 1024) {
    auto got = std::make_shared<std::optional<Result<std::string>>>();
    stream.read(most, [got](Result<std::string> piece) { *got = std::move(piece); });
    settle();
    if (!*got) return std::nullopt;
    if (!**got) {
      last_error = (*got)->error();
      return "error";
    }
    return ***got;
  }
  std::string read_all(RowStream& stream, std::size_t most = 64 * 1024) {
    std::string all;
    while (true) {
      const auto piece = read(stream, most);
      if (!piece || piece->empty() || *piece == "error") return all;
      EXPECT_LE(piece->size(), most);
      all += *piece;
    }
  }

  Error last_error{};
};

TEST_F(RowStreamTest, GivesMoreRowsThanAnAnswerMayHave) {
  const auto stream = open("SELECT device, time, x FROM m", RowFormat::ndjson);
  const std::string all = read_all(*stream);
  EXPECT_THAT(all, StartsWith("{\"columns\":[{\"name\":\"device\",\"type\":\"text\"},"));
  EXPECT_THAT(all, HasSubstr("\n[\"d0\",\"2023-11-14T22:13:20Z\",0]\n"));
  EXPECT_TRUE(all.ends_with("{\"end\":{\"rows\":200000,\"points_read\":200000,\"chunks_by_summary\":0}}\n"));
  EXPECT_EQ(std::ranges::count(all, '\n'), kDevices * kPoints + 2);
  EXPECT_EQ(service->running(), 0U);
}

TEST_F(RowStreamTest, WentOnReadingBehindItsLastRow) {
  auto who = std::make_shared<Principal>();
  who->kind = PrincipalKind::user;
  who->name = "ada";
  const std::uint64_t rows = 12'000;  // more than are made ahead: the last ones are made as they are taken
  const auto stream = *RowStream::open(
      *service, {{std::move(who), "test"}, "SELECT device, time, x FROM m", RowFormat::ndjson, {}, rows});
  settle();
  std::string all;
  bool ended_with_the_last_row = false;
  for (std::optional<std::string> piece = "begin"; piece && !piece->empty();) {
    piece.reset();
    const bool was_running = service->running() == 1;
    stream->read(64 * 1024, [&piece](Result<std::string> taken) { piece = taken.value_or(""); });
    if (was_running && service->running() == 0) ended_with_the_last_row = true;
    settle();
    if (piece) all += *piece;
  }
  EXPECT_TRUE(ended_with_the_last_row);
  EXPECT_THAT(all, HasSubstr("{\"end\":{\"rows\":12000,"));
}

TEST_F(RowStreamTest, GivesNoMoreThanAskedFor) {
  auto who = std::make_shared<Principal>();
  StreamRequest request{
      {std::move(who), "test"}, "SELECT x FROM m WHERE device = 'd7'", RowFormat::ndjson, {}, 2};
  const auto stream = RowStream::open(*service, std::move(request));
  ASSERT_TRUE(stream);
  EXPECT_THAT(read_all(**stream), HasSubstr("\n[0]\n[1]\n{\"end\":{\"rows\":2,"));
}

TEST_F(RowStreamTest, GivesTheSameInPiecesOfAnySize) {
  const std::string sql = "SELECT device, sum(x) FROM m GROUP BY device ORDER BY device LIMIT 3";
  const std::string all = read_all(*open(sql, RowFormat::csv));
  EXPECT_EQ(all, "device,sum(x)\r\nd0,198000\r\nd1,198000\r\nd10,198000\r\n");
  EXPECT_EQ(read_all(*open(sql, RowFormat::csv), 1), all);
  EXPECT_EQ(read_all(*open("EXPLAIN " + sql, RowFormat::csv)).substr(0, 6), "plan\r\n");
}

TEST_F(RowStreamTest, WaitsForWhoeverTakesTheRows) {
  const auto stream = open("SELECT device, time, x FROM m", RowFormat::csv);
  ASSERT_TRUE(read(*stream));
  const double read_so_far = counted("dunlin_query_points_read_total");
  pass(std::chrono::minutes{5});
  EXPECT_EQ(service->running(), 1U);
  EXPECT_EQ(counted("dunlin_query_points_read_total"), read_so_far);
  EXPECT_EQ(std::ranges::count(read_all(*stream), '\n') > kDevices * kPoints / 2, true);
}

TEST_F(RowStreamTest, AnErrorIsSeenWhereverItComes) {
  EXPECT_EQ(read(*open("SELECT nothing FROM m", RowFormat::ndjson)), "error");
  EXPECT_EQ(last_error.code, Errc::not_found);
  const auto lines = open("SELECT device, time, x FROM m", RowFormat::ndjson);
  const auto csv = open("SELECT device, time, x FROM m", RowFormat::csv);
  ASSERT_TRUE(read(*lines));
  ASSERT_TRUE(read(*csv));
  pass(kMaxStreamTime + std::chrono::seconds{1});
  EXPECT_THAT(read_all(*lines), HasSubstr("\n{\"error\":{\"code\":\"timed_out\",\"message\":"));
  read_all(*csv);
  EXPECT_EQ(last_error.code, Errc::timed_out);
}

TEST_F(RowStreamTest, GoesWithWhoeverTakesTheRows) {
  auto stream = open("SELECT device, time, x FROM m", RowFormat::csv, "mine");
  ASSERT_TRUE(read(*stream));
  EXPECT_EQ(open("SELECT x FROM m", RowFormat::csv, "mine"), nullptr);
  EXPECT_EQ(last_error.code, Errc::already_exists);
  stream.reset();
  settle();
  EXPECT_EQ(service->running(), 0U);
  stream = open("SELECT x FROM m", RowFormat::csv);
  stream->read(100, [](const Result<std::string>&) { FAIL() << "nobody waits any more"; });
  stream.reset();
  settle();
}

TEST_F(RowStreamTest, NoMoreAtOnceThanATenantMayHave) {
  std::vector<std::unique_ptr<RowStream>> streams;
  for (std::size_t i = 0; i <= kMaxQueriesPerTenant; ++i)
    streams.push_back(open("SELECT device, time, x FROM m", RowFormat::csv));
  EXPECT_EQ(read(*streams.back()), "error");
  EXPECT_EQ(last_error.code, Errc::quota_exceeded);
  EXPECT_NE(read(*streams.front()), "error");
}

}  // namespace
}  // namespace dunlin::query
