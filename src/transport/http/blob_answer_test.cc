// What is answered to a request for a blob, by its conditions and ranges.
#include <gtest/gtest.h>

#include "transport/http/blob_routes.h"

namespace dunlin::transport {
namespace {

store::BlobRecord record_of(std::uint64_t size, std::string type = "image/png", std::string name = "") {
  store::BlobRecord record;
  record.size = size;
  record.media_type = std::move(type);
  record.name = std::move(name);
  return record;
}

BlobAnswer answer(net::http::Headers headers, std::uint64_t size = 100,
                  net::http::Method method = net::http::Method::get) {
  net::http::Request request;
  request.method = method;
  request.headers = std::move(headers);
  return answer_for(request, record_of(size));
}

const std::string kTag = "\"sha256-" + std::string(64, '0') + "\"";

TEST(BlobAnswerTest, RangesCountUnlessAConditionSpeaksAgainstThem) {
  EXPECT_EQ(answer({}).head.status, 200);
  EXPECT_EQ(answer({}).range, (net::http::ByteRange{0, 99}));
  EXPECT_EQ(answer({}, 0).range, std::nullopt);
  const auto part = answer({{"Range", "bytes=10-19"}});
  EXPECT_EQ(part.head.status, 206);
  EXPECT_EQ(part.range, (net::http::ByteRange{10, 19}));
  EXPECT_EQ(part.head.headers.get("Content-Range").value_or(""), "bytes 10-19/100");
  EXPECT_EQ(answer({{"Range", "bytes=10-19"}, {"If-Range", kTag}}).head.status, 206);
  EXPECT_EQ(answer({{"Range", "bytes=10-19"}, {"If-Range", "\"old\""}}).head.status, 200);
  EXPECT_EQ(answer({{"Range", "bytes=10-19"}}, 100, net::http::Method::head).head.status, 200);
  const auto beyond = answer({{"Range", "bytes=100-"}});
  EXPECT_EQ(beyond.head.status, 416);
  EXPECT_EQ(beyond.range, std::nullopt);
  EXPECT_EQ(beyond.head.headers.get("Content-Range").value_or(""), "bytes */100");
  EXPECT_EQ(answer({{"Range", "bytes=100-"}, {"If-None-Match", kTag}}).head.status, 304);
  EXPECT_EQ(answer({{"If-None-Match", "\"other\""}}).head.status, 200);
}

TEST(BlobAnswerTest, NothingOfItRunsInABrowser) {
  const net::http::Request request;
  const auto page = answer_for(request, record_of(5, "text/html", "a\"; b.html"));
  EXPECT_EQ(page.head.headers.get("Content-Type").value_or(""), "application/octet-stream");
  EXPECT_EQ(page.head.headers.get("Content-Disposition").value_or(""),
            "attachment; filename*=UTF-8''a%22%3B%20b.html");
  EXPECT_TRUE(page.head.headers.get("Content-Security-Policy").value_or("").contains("sandbox"));
}

}  // namespace
}  // namespace dunlin::transport
