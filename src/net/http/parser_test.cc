// The hostile corpus: what Boost.Beast 1.81 accepts or refuses on its own, and what this room makes of it.
#include "net/http/parser.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "net/http/limits.h"

namespace dunlin::net::http {
namespace {

struct Outcome {
  std::vector<Request> requests;
  ParseState state = ParseState::idle;
  int refused_with = 0;
  std::string reason;
};

/// Feeds `text` in pieces of the given lengths (the last repeats) as a connection does: what is not consumed
/// comes again.
template <class NextLength>
Outcome parse_in(std::string_view text, NextLength next_length,
                 std::uint64_t max_body = kDefaultMaxBodyBytes) {
  RequestParser parser(max_body);
  Outcome outcome;
  std::string kept;
  while (!text.empty() || outcome.state == ParseState::complete) {
    const std::size_t length = std::min<std::size_t>(text.size(), next_length());
    kept.append(text.substr(0, length));
    text.remove_prefix(length);
    while (true) {
      kept.erase(0, parser.feed(as_bytes(kept)));
      if (parser.state() != ParseState::complete) break;
      outcome.requests.push_back(parser.take());
      if (kept.empty()) break;
    }
    outcome.state = parser.state();
    if (outcome.state == ParseState::refused) {
      outcome.refused_with = parser.refusal().status;
      outcome.reason = parser.refusal().message;
      break;
    }
  }
  return outcome;
}

void expect_same(const Outcome& a, const Outcome& b, std::string_view text) {
  EXPECT_EQ(a.state, b.state) << text;
  EXPECT_EQ(a.refused_with, b.refused_with) << text;
  ASSERT_EQ(a.requests.size(), b.requests.size()) << text;
  for (std::size_t i = 0; i < a.requests.size(); ++i) {
    EXPECT_EQ(a.requests[i].method, b.requests[i].method);
    EXPECT_EQ(a.requests[i].target, b.requests[i].target);
    EXPECT_EQ(a.requests[i].body, b.requests[i].body);
    EXPECT_EQ(std::vector(a.requests[i].headers.begin(), a.requests[i].headers.end()),
              std::vector(b.requests[i].headers.begin(), b.requests[i].headers.end()));
  }
}

/// In one piece; and the same one byte at a time and by random pieces.
Outcome parse(std::string_view text, std::uint64_t max_body = kDefaultMaxBodyBytes) {
  const Outcome whole = parse_in(text, [&] { return text.size(); }, max_body);
  expect_same(whole, parse_in(text, [] { return 1; }, max_body), text);
  SeededRng rng(text.size());
  for (int i = 0; i < 5; ++i)
    expect_same(whole, parse_in(text, [&] { return 1 + rng.below(20); }, max_body), text);
  return whole;
}

std::string post(std::string_view fields, std::string_view body) {
  return "POST /a HTTP/1.1\r\nHost: h\r\n" + std::string{fields} + "\r\n" + std::string{body};
}

void expect_refused(std::string_view text, int status = 400) {
  const Outcome outcome = parse(text);
  EXPECT_EQ(outcome.state, ParseState::refused) << text;
  EXPECT_EQ(outcome.refused_with, status) << text << "\n" << outcome.reason;
  EXPECT_TRUE(outcome.requests.empty()) << text;
}

TEST(RequestParser, ReadsAGetWithItsParts) {
  const auto outcome =
      parse("GET /api/things/a%20b?from=1&to=x+y HTTP/1.1\r\nHost: h:8443\r\nX-One:  two \r\n\r\n");
  ASSERT_EQ(outcome.requests.size(), 1u);
  const Request& request = outcome.requests[0];
  EXPECT_EQ(request.method, Method::get);
  EXPECT_EQ(request.path, "/api/things/a%20b");
  EXPECT_EQ(request.segments, (std::vector<std::string>{"api", "things", "a b"}));
  EXPECT_EQ(request.parameter("to"), "x y");
  EXPECT_EQ(request.headers.get("x-one"), "two");
  EXPECT_EQ(request.body, "");
}

TEST(RequestParser, ReadsABodyByLength) {
  const auto outcome = parse(post("Content-Length: 3\r\n", "abc"));
  ASSERT_EQ(outcome.requests.size(), 1u);
  EXPECT_EQ(outcome.requests[0].body, "abc");
}

TEST(RequestParser, ReadsAChunkedBodyAndDropsTrailers) {
  const auto outcome = parse(post("Transfer-Encoding: chunked\r\n",
                                  "3\r\nabc\r\n2;x=\"y\"\r\nde\r\n0\r\nHost: evil\r\nX: y\r\n\r\n"));
  ASSERT_EQ(outcome.requests.size(), 1u);
  EXPECT_EQ(outcome.requests[0].body, "abcde");
  EXPECT_EQ(outcome.requests[0].headers.get("Host"), "h");
  EXPECT_FALSE(outcome.requests[0].headers.get("X"));
}

TEST(RequestParser, AnEmptyChunkedBodyInAnyPiecesDoesNotTripBeast) {
  const auto outcome = parse(post("Transfer-Encoding: Chunked\r\n", "0\r\n\r\n"));
  ASSERT_EQ(outcome.requests.size(), 1u);
  EXPECT_EQ(outcome.requests[0].body, "");
}

TEST(RequestParser, ReadsPipelinedRequestsOneByOne) {
  const auto outcome = parse(post("Content-Length: 3\r\n", "abc") +
                             post("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n") +
                             "\r\nGET /c HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(outcome.requests.size(), 3u);
  EXPECT_EQ(outcome.requests[1].body, "x");
  EXPECT_EQ(outcome.requests[2].target, "/c");
}

// Rows of the table of traps.
TEST(RequestParserTraps, ContentLengthWithTransferEncodingInEitherOrder) {
  expect_refused(post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"));
  expect_refused(post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"));
}

TEST(RequestParserTraps, SeveralContentLengths) {
  expect_refused(post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"));
  expect_refused(post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"));
  expect_refused(post("Content-Length: 3, 3\r\n", "abc"));
  expect_refused(post("Content-Length: 3,\r\n", "abc"));
}

TEST(RequestParserTraps, OddContentLengths) {
  for (const char* value :
       {"+3", "-3", "0x3", "3 3", "", "3.0", "99999999999999999999", "18446744073709551619"}) {
    expect_refused(post("Content-Length: " + std::string{value} + "\r\n", "abc"));
  }
}

TEST(RequestParserTraps, SpaceBeforeTheColon) {
  expect_refused(post("Content-Length : 3\r\n", "abc"));
}

TEST(RequestParserTraps, BareLineFeedInTheHeader) {
  expect_refused("GET / HTTP/1.1\nHost: h\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: h\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: h\n\n");
  expect_refused("GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n");
}

TEST(RequestParserTraps, NulInAValue) {
  using std::string_literals::operator""s;
  expect_refused("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"s);
  expect_refused("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"s);
}

TEST(RequestParserTraps, ChunkSizes) {
  for (const char* chunk : {"0x3\r\nabc\r\n0\r\n\r\n", "+3\r\nabc\r\n0\r\n\r\n", " 3\r\nabc\r\n0\r\n\r\n",
                            "\r\n\r\n\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "g\r\nabc\r\n0\r\n\r\n"}) {
    expect_refused(post("Transfer-Encoding: chunked\r\n", chunk));
  }
}

TEST(RequestParserTraps, ChunkSizesPastTheLimit) {
  expect_refused(post("Transfer-Encoding: chunked\r\n", "100001\r\nabc"), 413);
  const auto overflow = parse(post("Transfer-Encoding: chunked\r\n", "10000000000000000000003\r\nabc\r\n"));
  EXPECT_EQ(overflow.state, ParseState::refused);
  EXPECT_TRUE(overflow.requests.empty());
}

TEST(RequestParserTraps, ChunkFramingWithBareLineFeedNeverCompletes) {
  const auto outcome = parse(post("Transfer-Encoding: chunked\r\n", "3\nabc\n0\n\n"));
  EXPECT_TRUE(outcome.requests.empty());
  EXPECT_NE(outcome.state, ParseState::complete);
}

TEST(RequestParserTraps, TransferEncodingsThatAreNotChunked) {
  for (const char* coding : {"xchunked", "chunked, identity", "identity, chunked", "gzip", "gzip, chunked",
                             "chunked, chunked", "chunked;q=1", "\013chunked", "identity", ""}) {
    const auto outcome = parse(post("Transfer-Encoding: " + std::string{coding} + "\r\n",
                                    "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_EQ(outcome.state, ParseState::refused) << coding;
    EXPECT_TRUE(outcome.requests.empty()) << coding;
  }
  expect_refused(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"));
  expect_refused(post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"));
}

TEST(RequestParserTraps, TransferEncodingUnderHttp10) {
  expect_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

TEST(RequestParserTraps, FoldedLines) {
  expect_refused("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\n Host: h\r\n\r\n");
  expect_refused(" GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(RequestParserTraps, Hosts) {
  expect_refused("GET / HTTP/1.1\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n");
  expect_refused("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n");
  EXPECT_EQ(parse("GET / HTTP/1.0\r\n\r\n").requests.size(), 1u);
}

TEST(RequestParserTraps, ChunkExtensionsAreCapped) {
  const std::string fits(kMaxChunkExtensionBytes - 1, 'x');
  EXPECT_EQ(parse(post("Transfer-Encoding: chunked\r\n", "1;" + fits + "\r\na\r\n0\r\n\r\n")).requests.size(),
            1u);
  expect_refused(post("Transfer-Encoding: chunked\r\n", "1;x" + fits + "\r\na\r\n0\r\n\r\n"));
  // Never ended: refused before it fills a buffer.
  expect_refused(post("Transfer-Encoding: chunked\r\n", "1;" + std::string(kMaxTrailerBytes + 10, 'x')));
  std::string many;
  for (int i = 0; i < 20; ++i) many += "1;" + fits + "\r\na\r\n";
  expect_refused(post("Transfer-Encoding: chunked\r\n", many));
}

TEST(RequestParserTraps, QuotedChunkExtensionRanPastItsLine) {
  const std::string head = post("Transfer-Encoding: chunked\r\n", "");
  expect_refused(head + "3;x=\"y\r\nabc\r\n0\r\n\r\n\"\r\n");
  expect_refused(head + "3;x=\"y\\\"\r\nabc\r\n0\r\n\r\n");
  expect_refused(head + "3\r\nabc\r\n0;x=\"y\r\n\r\n");
  EXPECT_EQ(parse(head + "3;x=\"a\\\"b\"\r\nabc\r\n0;y=\"\"\r\n\r\n").requests.size(), 1u);
}

TEST(RequestParserTraps, TrailersAreCapped) {
  std::string trailers;
  for (int i = 0; i < 500; ++i) trailers += "X: yyyyyyyy\r\n";
  const auto outcome =
      parse_in(post("Transfer-Encoding: chunked\r\n", "0\r\n" + trailers + "\r\n"), [] { return 64; });
  EXPECT_EQ(outcome.state, ParseState::refused);
}

TEST(RequestParserLimits, Header) {
  const auto with_field = [](std::size_t length) {
    return "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(length, 'a') + "\r\n\r\n";
  };
  const std::size_t frame = with_field(0).size();
  EXPECT_EQ(parse(with_field(kMaxHeaderBytes - frame)).requests.size(), 1u);
  expect_refused(with_field(kMaxHeaderBytes - frame + 1), 431);
  expect_refused("GET / HTTP/1.1\r\nX: " + std::string(kMaxHeaderBytes * 2, 'a'), 431);
}

TEST(RequestParserLimits, Fields) {
  const auto with_fields = [](std::size_t count) {
    std::string text = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (std::size_t i = 1; i < count; ++i) text += "X: y\r\n";
    return text + "\r\n";
  };
  EXPECT_EQ(parse(with_fields(kMaxHeaderFields)).requests.size(), 1u);
  expect_refused(with_fields(kMaxHeaderFields + 1), 431);
}

TEST(RequestParserLimits, Body) {
  EXPECT_EQ(parse(post("Content-Length: 4\r\n", "abcd"), 4).requests.size(), 1u);
  EXPECT_EQ(parse(post("Content-Length: 5\r\n", "abcde"), 4).refused_with, 413);
  EXPECT_EQ(parse(post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"), 4).refused_with,
            413);
}

TEST(RequestParserLimits, TargetAndSegments) {
  expect_refused("GET /" + std::string(kMaxTargetBytes, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414);
  std::string path;
  for (std::size_t i = 0; i <= kMaxPathSegments; ++i) path += "/a";
  expect_refused("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n", 414);
}

TEST(RequestParserLimits, EmptyLines) {
  std::string lines;
  for (std::size_t i = 0; i < kMaxEmptyLines; ++i) lines += "\r\n";
  EXPECT_EQ(parse(lines + "GET / HTTP/1.1\r\nHost: h\r\n\r\n").requests.size(), 1u);
  expect_refused(lines + "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(RequestParser, RefusesVersionsAndMethods) {
  expect_refused("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505);
  expect_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
  expect_refused("GET / HTTP/0.9\r\nHost: h\r\n\r\n", 505);
  expect_refused("GET /\r\nHost: h\r\n\r\n");
  expect_refused("GET / FTP/1.1\r\nHost: h\r\n\r\n");
  expect_refused("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 501);
  expect_refused("get / HTTP/1.1\r\nHost: h\r\n\r\n", 501);
  expect_refused("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 501);
  expect_refused("\x16\x03\x01\x02 hello\r\n\r\n");
}

TEST(RequestParser, RefusesTargets) {
  for (const char* target :
       {"a", "*", "/..", "/a/../b", "/%2e%2E/b", "/%", "/%zz", "/%00", "/%0a", "/a#b", "/%ff", "/?a=%ff"}) {
    expect_refused("GET " + std::string{target} + " HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  const auto outcome =
      parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\nGET http://h/x?y=1 HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(outcome.requests.size(), 2u);
  EXPECT_EQ(outcome.requests[0].path, "*");
  EXPECT_EQ(outcome.requests[1].segments, std::vector<std::string>{"x"});
}

TEST(RequestParser, RefusesOtherExpectations) {
  expect_refused(post("Expect: 200-ok\r\nContent-Length: 1\r\n", "a"), 417);
}

struct ResponseOutcome {
  std::vector<Response> responses;
  ParseState state;
};
ResponseOutcome parse_response(std::string_view text, std::size_t piece,
                               ResponseBody body = ResponseBody::by_header) {
  ResponseParser parser(1000, body);
  ResponseOutcome outcome{};
  std::string kept;
  while (!text.empty()) {
    kept.append(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
    while (!kept.empty()) {
      const std::size_t consumed = parser.feed(as_bytes(kept));
      kept.erase(0, consumed);
      if (parser.state() != ParseState::complete) break;
      outcome.responses.push_back(parser.take());
    }
  }
  if (parser.state() != ParseState::idle) parser.feed_end();
  if (parser.state() == ParseState::complete) outcome.responses.push_back(parser.take());
  outcome.state = parser.state();
  return outcome;
}

TEST(ResponseParser, ReadsEveryKindOfBody) {
  for (const std::size_t piece : {1, 2, 3, 7, 1000}) {
    const auto outcome = parse_response(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\nHTTP/1.1 204 No "
        "Content\r\n\r\n"
        "HTTP/1.0 200 OK\r\n\r\nto the end",
        piece);
    ASSERT_EQ(outcome.responses.size(), 5u) << piece;
    EXPECT_EQ(outcome.responses[0].status, 100);
    EXPECT_EQ(outcome.responses[1].body.text(), "ab");
    EXPECT_EQ(outcome.responses[2].body.text(), "c");
    EXPECT_EQ(outcome.responses[4].body.text(), "to the end");
  }
}

TEST(ResponseParser, RefusesWhatIsCutShortOrAmbiguous) {
  for (const char* text :
       {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "HTTP/1.1 200 OK\r\nContent-",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 999 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"}) {
    for (const std::size_t piece : {1, 1000}) {
      const auto outcome = parse_response(text, piece);
      EXPECT_EQ(outcome.state, ParseState::refused) << text;
      EXPECT_TRUE(outcome.responses.empty()) << text;
    }
  }
}

TEST(ResponseParser, AnAnswerToHeadEndsWithItsHeader) {
  const auto outcome =
      parse_response("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 1000, ResponseBody::none);
  ASSERT_EQ(outcome.responses.size(), 1u);
  EXPECT_TRUE(outcome.responses[0].body.empty());
}

}  // namespace
}  // namespace dunlin::net::http
