#include "net/http/url.h"

#include <gtest/gtest.h>

namespace dunlin::net::http {
namespace {

TEST(UrlTest, ReadsWhatItIsMadeOf) {
  using enum Url::Scheme;
  const auto is = [](std::string_view text, const Url& wanted) {
    const auto made = parse_url(text);
    ASSERT_TRUE(made) << text << ": " << made.error().message;
    EXPECT_TRUE(*made == wanted) << text << ' ' << made->endpoint.to_string() << ' ' << made->target;
  };
  is("https://hooks.example/a/b?c=d", {https, {"hooks.example", 443}, "/a/b?c=d"});
  is("HTTP://Hooks.Example", {http, {"hooks.example", 80}, "/"});
  is("http://127.0.0.1:8080/", {http, {"127.0.0.1", 8080}, "/"});
  is("https://[2001:DB8::1]:8443?x#y", {https, {"2001:db8::1", 8443}, "/?x"});
  is("https://a_b-c.example/%20~!$&'()*+,;=:@", {https, {"a_b-c.example", 443}, "/%20~!$&'()*+,;=:@"});
}

TEST(UrlTest, RefusesWhatCouldBeReadInTwoWays) {
  for (const std::string_view bad : {"",
                                     "http",
                                     "https",
                                     "http:",
                                     "http:/",
                                     "https://",
                                     "https:///a",
                                     "ftp://host/",
                                     "//host/",
                                     "host/path",
                                     "javascript:alert(1)",
                                     "https://user@host/",
                                     "https://user:pass@host/",
                                     "https://host:0/",
                                     "https://host:65536/",
                                     "https://host:/",
                                     "https://host:80a/",
                                     "https://host:-1/",
                                     "https://ho st/",
                                     "https://host/a b",
                                     "https://host/\r\nX: y",
                                     "https://host\\@other/",
                                     "https://h%6fst/",
                                     "https://[::1/",
                                     "https://[fe80::1%25lo]/",
                                     "https://[1.2.3.4]/",
                                     "https://[::1]x/",
                                     "https://host/%2",
                                     "https://host/%zz",
                                     "https://host/ä",
                                     "https://.host/",
                                     "https://-host/",
                                     "http:host",
                                     "http:/host"}) {
    const auto made = parse_url(bad);
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().code, Errc::invalid_argument);
  }
}

TEST(UrlTest, IsBoundedAndKeepsSecretsOutOfItsErrors) {
  EXPECT_TRUE(parse_url("https://host/" + std::string(kMaxUrlBytes - 13, 'a')));
  EXPECT_EQ(parse_url("https://host/" + std::string(kMaxUrlBytes - 12, 'a')).error().code,
            Errc::limit_exceeded);
  EXPECT_FALSE(parse_url("https://user:secret@host/").error().message.contains("secret"));
}

}  // namespace
}  // namespace dunlin::net::http
