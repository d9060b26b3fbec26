#include "net/smtp/mail.h"

#include <gtest/gtest.h>

#include "net/smtp/limits.h"
#include "net/smtp/reply.h"

namespace dunlin::net::smtp {
namespace {

Mail mail() {
  return {.from = "a@b.example",
          .from_name = {},
          .to = {"c@d.example"},
          .subject = "Hot",
          .text = "90",
          .date = {},
          .id = "1"};
}

TEST(MailTest, AddressesAreThoseOfTheStandardWithoutQuotation) {
  for (const std::string_view good : {"a@b", "first.last+tag@sub.plant.example", "x!#$%&'*+-/=?^_`{|}~@y"})
    EXPECT_TRUE(is_mail_address(good)) << good;
  for (const std::string_view bad : {"",
                                     "a",
                                     "@b",
                                     "a@",
                                     "a b@c",
                                     "a@b c",
                                     "<a@b>",
                                     "a@b>",
                                     "a@b\r\nRCPT TO:<c@d>",
                                     ".a@b",
                                     "a.@b",
                                     "a..b@c",
                                     "a@b..c",
                                     "a@.b",
                                     "\"a\"@b",
                                     "a@[1.2.3.4]",
                                     "ä@b",
                                     "a,b@c",
                                     "a@b,c@d",
                                     "a@b@c"})
    EXPECT_FALSE(is_mail_address(bad)) << bad;
  EXPECT_FALSE(is_mail_address(std::string(kMaxLocalPartBytes + 1, 'a') + "@b"));
  EXPECT_FALSE(is_mail_address("a@" + std::string(kMaxAddressBytes, 'b')));
}

TEST(MailTest, PastItsLimitsItIsRefusedOrCut) {
  Mail many = mail();
  many.to.assign(kMaxRecipients + 1, "c@d.example");
  EXPECT_EQ(compose(many).error().code, Errc::limit_exceeded);
  Mail large = mail();
  large.text.assign(kMaxMailBytes + 1, 'x');
  EXPECT_EQ(compose(large).error().code, Errc::limit_exceeded);
  Mail nobody = mail();
  nobody.to.clear();
  EXPECT_EQ(compose(nobody).error().code, Errc::invalid_argument);
  Mail id = mail();
  id.id = "a>\r\n";
  EXPECT_EQ(compose(id).error().code, Errc::invalid_argument);
  Mail subject = mail();
  subject.subject.assign(100'000, 'x');
  EXPECT_LT(compose(subject)->size(), 2000U);
}

TEST(MailTest, ASubjectThatLooksEncodedIsEncoded) {
  Mail one = mail();
  one.subject = "=?UTF-8?B?QkNDOg==?=";
  EXPECT_TRUE(compose(one)->contains("Subject: =?UTF-8?B?PT9VVEYtOD9CP1FrTkRPZz09Pz0=?=\r\n"));
}

TEST(ReplyTest, LinesMakeAReply) {
  ReplyReader reader;
  const std::string_view text =
      "250-peer at your service\r\n250-SIZE 1000\r\n250-auth PLAIN LOGIN\r\n250 STARTTLS\r\n220 x";
  const std::size_t used = reader.feed(as_bytes(text));
  EXPECT_EQ(used, text.size() - 5);
  ASSERT_EQ(reader.state(), ReplyReader::State::complete);
  const Reply reply = reader.take();
  EXPECT_EQ(reply.code, 250);
  EXPECT_EQ(reply.extension("SIZE"), "1000");
  EXPECT_EQ(reply.extension("AUTH"), "PLAIN LOGIN");
  EXPECT_EQ(reply.extension("STARTTLS"), "");
  EXPECT_EQ(reply.extension("PEER"), std::nullopt);
}

TEST(ReplyTest, OtherThingsAreRefused) {
  const auto state = [](std::string_view text) {
    ReplyReader reader;
    reader.feed(as_bytes(text));
    return reader.state();
  };
  for (const std::string_view bad :
       {"\r\n", "25\r\n", "HTTP/1.1 200 OK\r\n", "250_x\r\n", "150 x\r\n", "650 x\r\n", "250-a\r\n251 b\r\n"})
    EXPECT_EQ(state(bad), ReplyReader::State::malformed) << bad;
  EXPECT_EQ(state("250" + std::string(kMaxReplyLineBytes, 'x')), ReplyReader::State::malformed);
  std::string lines;
  for (std::size_t i = 0; i <= kMaxReplyLines; ++i) lines += "250-x\r\n";
  EXPECT_EQ(state(lines), ReplyReader::State::malformed);
  EXPECT_EQ(state("250\r\n"), ReplyReader::State::complete);
  Reply shown{.code = 550, .lines = {"a\x1b[31m" + std::string(1000, 'x')}};
  EXPECT_EQ(shown.shown().size(), kMaxShownReplyBytes);
  EXPECT_TRUE(shown.shown().starts_with("550 a?[31m"));
}

}  // namespace
}  // namespace dunlin::net::smtp
