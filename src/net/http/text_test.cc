#include "net/http/text.h"

#include <gtest/gtest.h>

#include "net/http/assets.h"
#include "net/http/limits.h"
#include "net/http/router.h"
#include "net/http/serialize.h"

namespace dunlin::net::http {
namespace {

using std::chrono::seconds;

TEST(Date, IsWrittenAndReadAsImfFixdate) {
  const WallTime time{seconds{784111777}};
  EXPECT_EQ(format_date(time + std::chrono::milliseconds{999}), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), time);
  EXPECT_EQ(format_date(WallTime{}), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(format_date(*parse_date("Thu, 29 Feb 2024 23:59:59 GMT")), "Thu, 29 Feb 2024 23:59:59 GMT");
}

TEST(Date, OthersAreRefused) {
  for (const char* text :
       {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 9999 08:49:37 GMT", "Sun, 0x Nov 1994 08:49:37 GMT"}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
}

TEST(Percent, RoundTripsAnyText) {
  const std::string text = "a b/ü%?&=~_.-\"";
  EXPECT_EQ(percent_encode(text), "a%20b%2F%C3%BC%25%3F%26%3D~_.-%22");
  EXPECT_EQ(percent_decode(percent_encode(text)).value(), text);
  EXPECT_EQ(percent_decode("a+b").value(), "a+b");
  for (const char* bad : {"%", "%1", "%g1", "%1g", "%00", "%7f", "%C3", "\x01"})
    EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(Query, ReadsPairsInOrder) {
  const auto query = parse_query("a=1&b=x+y%2B&&c&a=2&=z").value();
  EXPECT_EQ(query, (QueryParameters{{"a", "1"}, {"b", "x y+"}, {"c", ""}, {"a", "2"}, {"", "z"}}));
  EXPECT_EQ(format_query({{"a b", "1&2"}, {"c", ""}}), "a%20b=1%262&c=");
  EXPECT_FALSE(parse_query("a=%"));
}

TEST(Query, TheNumberOfParametersIsLimited) {
  std::string text;
  for (std::size_t i = 0; i < kMaxQueryParameters; ++i) text += "a&";
  EXPECT_TRUE(parse_query(text));
  EXPECT_EQ(parse_query(text + "a").error().code, Errc::limit_exceeded);
}

TEST(Targets, SlashesAreSegments) {
  EXPECT_TRUE(parse_target("/")->segments.empty());
  EXPECT_EQ(parse_target("/a/")->segments, (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(parse_target("/a%2Fb/c")->segments, (std::vector<std::string>{"a/b", "c"}));
  EXPECT_EQ(parse_target("https://h:1/p?q=1")->path, "/p");
  for (const char* bad : {"", "a", "http://h", "http://h?x", "ftp://h/x", "/./a", "/a/.."})
    EXPECT_FALSE(parse_target(bad)) << bad;
}

TEST(Cookies, AreFoundByName) {
  const Headers headers{{"Cookie", "a=1; dunlin_session=x.y=z; b="}, {"cookie", "c=3"}};
  EXPECT_EQ(find_cookie(headers, "dunlin_session"), "x.y=z");
  EXPECT_EQ(find_cookie(headers, "b"), "");
  EXPECT_EQ(find_cookie(headers, "c"), "3");
  EXPECT_FALSE(find_cookie(headers, "session"));
}

TEST(Cookies, OnlyTheFirstOnesAreLookedAt) {
  std::string text;
  for (std::size_t i = 0; i < kMaxCookies; ++i) text += "x=1; ";
  EXPECT_FALSE(find_cookie(Headers{{"Cookie", text + "a=1"}}, "a"));
}

TEST(Cookies, AreSetStrictly) {
  EXPECT_EQ(format_set_cookie({.name = "s", .value = "v", .max_age = seconds{60}}).value(),
            "s=v; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Strict");
  EXPECT_EQ(
      format_set_cookie(
          {.name = "s", .value = "v", .max_age = std::nullopt, .same_site = SameSite::lax, .secure = false})
          .value(),
      "s=v; Path=/; HttpOnly; SameSite=Lax");
  EXPECT_FALSE(format_set_cookie({.name = "s", .value = "v; Domain=x", .max_age = std::nullopt}));
  EXPECT_FALSE(format_set_cookie({.name = "s s", .value = "v", .max_age = std::nullopt}));
}

TEST(JsonEscape, KeepsTheTextInsideItsQuotes) {
  EXPECT_EQ(json_escape("a\"b\\c\n\x7f ü"), "a\\\"b\\\\c\\u000A\\u007F ü");
  EXPECT_EQ(json_escape("\xff"), "\\uFFFD");
}

TEST(HeaderFields, NamesIgnoreCaseAndListsAreSplit) {
  Headers headers{{"Connection", "keep-alive, Upgrade"}, {"connection", ",x"}};
  EXPECT_TRUE(headers.has_token("CONNECTION", "upgrade"));
  EXPECT_TRUE(headers.has_token("connection", "X"));
  EXPECT_FALSE(headers.has_token("connection", "keep"));
  EXPECT_EQ(headers.count("Connection"), 2u);
  headers.set("connection", "close");
  EXPECT_EQ(headers.count("Connection"), 1u);
  EXPECT_FALSE(is_field_value("a\rb"));
  EXPECT_FALSE(is_token("a b"));
}

TEST(RequestHead, RefusesWhatWouldSplitIt) {
  EXPECT_TRUE(serialize_request_head({.target = "/a", .host = "h"}, {}));
  EXPECT_FALSE(serialize_request_head({.target = "/a b", .host = "h"}, {}));
  EXPECT_FALSE(serialize_request_head({.target = "/a", .host = "h\r\nX: y"}, {}));
  EXPECT_FALSE(serialize_request_head({.target = "/a", .host = "h"}, {{"X", "a\nb"}}));
  EXPECT_FALSE(serialize_request_head({.target = "/a", .host = "h"}, {{"X:", "a"}}));
}

TEST(Encodings, AreChosenByWeight) {
  EXPECT_EQ(choose_encoding(std::nullopt, true, true), Encoding::identity);
  EXPECT_EQ(choose_encoding("gzip, deflate, br", true, true), Encoding::brotli);
  EXPECT_EQ(choose_encoding("gzip, deflate, br", true, false), Encoding::gzip);
  EXPECT_EQ(choose_encoding("br;q=0.5, gzip;q=0.8", true, true), Encoding::gzip);
  EXPECT_EQ(choose_encoding("br;q=0, *", true, true), Encoding::gzip);
  EXPECT_EQ(choose_encoding("gzip;q=0", true, false), Encoding::identity);
  EXPECT_EQ(choose_encoding("gzip;q=0.5, identity", true, true), Encoding::identity);
  EXPECT_EQ(choose_encoding("gzip;q=nonsense", true, true), Encoding::identity);
  EXPECT_EQ(choose_encoding("", true, true), Encoding::identity);
}

Request request_for(Method method, Headers headers = {}) {
  Request request;
  request.method = method;
  request.headers = std::move(headers);
  return request;
}

struct Assets : ::testing::Test {
  AssetTable table{Headers{{"X-Frame-Options", "DENY"}}};
  Assets() {
    table.add(
        "/index.html",
        {.plain = Slice::of_static("<p>"), .gzip = Slice::of_static("GZ"), .brotli = Slice::of_static("BR")});
    table.add("/app.1234.js",
              {.plain = Slice::of_static("x"), .gzip = {}, .brotli = {}, .cache = CachePolicy::immutable});
  }
};

TEST_F(Assets, AreServedWithTypeTagAndCommonHeaders) {
  const Response response = table.serve("/", request_for(Method::get, {{"Accept-Encoding", "br"}}));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.text(), "BR");
  EXPECT_EQ(response.headers.get("Content-Encoding"), "br");
  EXPECT_EQ(response.headers.get("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-cache");
  EXPECT_EQ(response.headers.get("X-Frame-Options"), "DENY");
  EXPECT_EQ(response.headers.get("Vary"), "Accept-Encoding");
  EXPECT_EQ(table.serve("/app.1234.js", request_for(Method::get)).headers.get("Cache-Control"),
            "public, max-age=31536000, immutable");
}

TEST_F(Assets, ATagIsGoodForItsEncodingOnly) {
  const std::string tag{*table.serve("/", request_for(Method::get)).headers.get("ETag")};
  EXPECT_EQ(table.serve("/", request_for(Method::get, {{"If-None-Match", "\"x\", W/" + tag}})).status, 304);
  EXPECT_TRUE(table.serve("/", request_for(Method::get, {{"If-None-Match", tag}})).body.empty());
  EXPECT_EQ(table.serve("/", request_for(Method::get, {{"If-None-Match", tag}, {"Accept-Encoding", "gzip"}}))
                .status,
            200);
  EXPECT_EQ(table.serve("/", request_for(Method::get, {{"If-None-Match", "*"}})).status, 304);
}

TEST_F(Assets, OtherPathsAndMethodsAreRefused) {
  EXPECT_EQ(table.serve("/none", request_for(Method::get)).status, 404);
  EXPECT_EQ(table.serve("/", request_for(Method::post)).status, 405);
  EXPECT_EQ(content_type_of("/a.b/c"), "application/octet-stream");
  EXPECT_EQ(content_type_of("/A.PNG"), "image/png");
}

TEST(Router, RefusesBadTemplates) {
  Router router;
  EXPECT_TRUE(router.add(Method::get, "/a/{x}", nullptr));
  EXPECT_EQ(router.add(Method::get, "/a/{y}", nullptr).error().code, Errc::already_exists);
  for (const char* bad : {"", "a", "/a{x}", "/{x...}/b", "/{}"})
    EXPECT_FALSE(router.add(Method::get, bad, nullptr)) << bad;
}

TEST(Router, ListsTheMethodsOfAPath) {
  Router router;
  ASSERT_TRUE(router.add(Method::get, "/a/{x}", nullptr));
  ASSERT_TRUE(router.add(Method::delete_, "/a/{y}", nullptr));
  EXPECT_EQ(router.allowed({"a", "1"}),
            (std::vector{Method::get, Method::delete_, Method::head, Method::options}));
  EXPECT_TRUE(router.allowed({"a"}).empty());
  EXPECT_TRUE(router.allowed({"a", ""}).empty());
}

}  // namespace
}  // namespace dunlin::net::http
