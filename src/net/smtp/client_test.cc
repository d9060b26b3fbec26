// Against Debian's aiosmtpd in another program, and against servers that only look like one.
#include "net/smtp/client.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "net/test_support.h"
#include "net/testing/program.h"

namespace dunlin::net::smtp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct SmtpTest : ::testing::Test {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("dunlin-smtp-" + std::to_string(::getpid()));
  test::Loop loop;
  std::unique_ptr<testing::Program> program;
  ClientOptions options;
  std::unique_ptr<SmtpClient> client;

  ~SmtpTest() override { std::filesystem::remove_all(folder); }

  void start(const std::string& mode, Security security) {
    std::filesystem::create_directories(folder);
    program = std::make_unique<testing::Program>(std::vector<std::string>{
        "/usr/bin/python3", DUNLIN_SOURCE_DIR "/src/net/smtp/testing/smtp_peer.py", mode, folder.string()});
    std::string chain;
    std::istringstream(program->read_line()) >> options.server.port >> chain;
    if (options.server.port == 0)
      throw std::runtime_error("the mail server (python3-aiosmtpd) does not start");
    std::ifstream file(chain);
    const std::string pem{std::istreambuf_iterator<char>(file), {}};
    options.tls =
        *make_tls_client_context({.trusted_ca_pem = pem, .certificate_chain_pem = {}, .private_key_pem = {}});
    options.server.host = "127.0.0.1";
    options.security = security;
    options.deadline = seconds{10};
    if (security == Security::none) return;
    options.user = "dunlin";
    options.password = "secret";
  }
  Mail mail(std::string subject = "Hot", std::vector<std::string> to = {"ann@plant.example"}) {
    return {.from = "alarms@plant.example",
            .from_name = "Dunlin",
            .to = std::move(to),
            .subject = std::move(subject),
            .text = "It is 90 degrees.\n.\n..two\nEnd",
            .date = WallTime{seconds{1'764'509'825}},
            .id = "a1"};
  }
  Result<Receipt> send(const Mail& what) {
    if (!client) client = *SmtpClient::make(loop.network, loop.reactor, loop.registry, options);
    std::optional<Result<Receipt>> got;
    client->send(what, [&](Result<Receipt> result) { got = std::move(result); });
    EXPECT_TRUE(loop.run_until([&] { return got.has_value(); }));
    return got ? std::move(*got) : fail(Errc::internal, "no answer at all");
  }
  Error error_of(const Mail& what) {
    const auto result = send(what);
    return result ? Error{Errc::internal, "sent: " + result->reply} : result.error();
  }
  double mails(const char* result) {
    return loop.registry.value("dunlin_outgoing_mail_total", {{"result", result}});
  }
};

bool has(const std::string& json, std::string_view part) {
  return json.contains(part);
}

TEST_F(SmtpTest, StartsTlsSignsInAndSends) {
  start("starttls", Security::starttls);
  const auto receipt = send(mail());
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_EQ(receipt->reply, "250 taken as 4711");
  const std::string seen = program->read_line();
  EXPECT_TRUE(has(
      seen, R"("from": "alarms@plant.example", "to": ["ann@plant.example"], "tls": true, "user": "dunlin")"))
      << seen;
  EXPECT_TRUE(has(seen, R"("text": "It is 90 degrees.\n.\n..two\nEnd\n")")) << seen;
  EXPECT_TRUE(has(seen, R"("date": "Sun, 30 Nov 2025 13:37:05 +0000")")) << seen;
  EXPECT_EQ(mails("sent"), 1);
}

TEST_F(SmtpTest, TlsFromTheFirstByte) {
  start("tls", Security::tls);
  const auto receipt = send(mail());
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_TRUE(has(program->read_line(), "\"subject\": \"Hot\""));
}

TEST_F(SmtpTest, NothingInAFieldBecomesAHeader) {
  start("none", Security::none);
  Mail evil = mail("Hot\r\nBcc: victim@other.example\r\n\r\nHello");
  evil.from_name = "Dunlin\r\nBcc: <victim@other.example>";
  evil.text = "ok\r\n.\r\nMAIL FROM:<x@y>\r\nBcc: victim@other.example\n";
  const auto receipt = send(evil);
  ASSERT_TRUE(receipt) << receipt.error().message;
  const std::string seen = program->read_line();
  EXPECT_TRUE(has(seen, R"("to": ["ann@plant.example"])")) << seen;
  EXPECT_TRUE(has(
      seen, R"("headers": ["Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", )"
            R"("MIME-Version", "Message-ID", "Subject", "To"])"))
      << seen;
  EXPECT_TRUE(has(seen, R"("subject": "Hot  Bcc: victim@other.example    Hello")")) << seen;
  EXPECT_TRUE(has(seen, R"(ok\n.\nMAIL FROM:<x@y>\nBcc: victim@other.example\n)")) << seen;
}

TEST_F(SmtpTest, TextsOfAllTongues) {
  start("none", Security::none);
  std::string subject;
  for (int i = 0; i < 30; ++i) subject += "温度 zu hoch ";
  Mail long_one = mail(subject);
  long_one.from_name = "Überwachung";
  long_one.text = std::string(5000, 'x') + " ° \xFF";
  ASSERT_TRUE(send(long_one));
  const std::string seen = program->read_line();
  EXPECT_TRUE(has(seen, R"("subject": "\u6e29\u5ea6 zu hoch \u6e29\u5ea6 zu hoch)")) << seen;
  EXPECT_TRUE(has(seen, R"(\u00dcberwachung <alarms@plant.example>)")) << seen;
  EXPECT_TRUE(has(seen, "xxx ?? ?")) << seen;  // what is no UTF-8 at all is shown as such
  EXPECT_TRUE(has(seen, "\"longest\": 76")) << seen;
}

TEST_F(SmtpTest, ReceiversAreRefusedOneByOne) {
  start("none", Security::none);
  const auto some = send(mail("a", {"ann@plant.example", "nobody@plant.example"}));
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_EQ(some->refused, std::vector<std::string>{"nobody@plant.example: 550 no such user"});
  EXPECT_EQ(error_of(mail("b", {"nobody@plant.example"})).code, Errc::invalid_argument);
  const Error later = error_of(mail("c", {"ann@plant.example", "later@plant.example"}));
  EXPECT_EQ(later.code, Errc::unavailable);
  EXPECT_EQ(later.message, "the mail server cannot take it for later@plant.example: 451 try again");
  EXPECT_EQ(error_of(mail("refuse me")).code, Errc::invalid_argument);
  EXPECT_EQ(mails("refused"), 2);
  EXPECT_EQ(mails("later"), 1);
}

TEST_F(SmtpTest, AWrongPasswordIsNoSecretInTheError) {
  start("starttls", Security::starttls);
  options.password = "wrong-password";
  const Error error = error_of(mail());
  EXPECT_EQ(error.code, Errc::unauthenticated) << error.message;
  EXPECT_FALSE(error.message.contains("wrong-password"));
}

TEST_F(SmtpTest, AnUnknownCertificateGetsNoPassword) {
  start("starttls", Security::starttls);
  std::ifstream file("/etc/ssl/certs/ca-certificates.crt");
  const std::string pem{std::istreambuf_iterator<char>(file), {}};
  options.tls =
      *make_tls_client_context({.trusted_ca_pem = pem, .certificate_chain_pem = {}, .private_key_pem = {}});
  EXPECT_EQ(error_of(mail()).code, Errc::unauthenticated);
}

TEST_F(SmtpTest, ServersThatAreNoneEndInTime) {
  for (const auto& [mode, wanted] : std::vector<std::pair<std::string, Errc>>{{"nonsense", Errc::malformed},
                                                                              {"endless", Errc::malformed},
                                                                              {"early", Errc::malformed},
                                                                              {"old", Errc::unsupported},
                                                                              {"stall", Errc::timed_out}}) {
    client.reset();
    start(mode, Security::starttls);
    options.deadline = mode == "stall" ? Duration{milliseconds{300}} : Duration{seconds{10}};
    const Error error = error_of(mail());
    EXPECT_EQ(error.code, wanted) << mode << ": " << error.message;
    EXPECT_EQ(client->under_way(), 0U);
  }
  program->kill();
  EXPECT_EQ(error_of(mail()).code, Errc::unavailable);
}

TEST_F(SmtpTest, InternalServersAreNotReached) {
  start("none", Security::none);
  options.guard = std::make_shared<const AddressGuard>(*AddressGuard::make({}));
  EXPECT_EQ(error_of(mail()).code, Errc::permission_denied);
}

TEST_F(SmtpTest, MailsWaitInABoundedQueue) {
  start("stall", Security::none);
  options.max_under_way = 2;
  options.max_waiting = 3;
  options.deadline = milliseconds{500};
  client = *SmtpClient::make(loop.network, loop.reactor, loop.registry, options);
  std::vector<Errc> errors;
  for (int i = 0; i < 6; ++i)
    client->send(mail(), [&](const Result<Receipt>& result) { errors.push_back(result.error().code); });
  EXPECT_EQ(client->under_way(), 2U);
  EXPECT_EQ(client->waiting(), 3U);
  EXPECT_TRUE(loop.run_until([&] { return errors.size() == 6; }));
  EXPECT_EQ(errors[0], Errc::limit_exceeded);
  for (std::size_t i = 1; i < 6; ++i) EXPECT_EQ(errors[i], Errc::timed_out);
}

TEST_F(SmtpTest, OptionsThatGiveAwayAPasswordAreRefused) {
  options.security = Security::none;
  options.user = "dunlin";
  const auto made = SmtpClient::make(loop.network, loop.reactor, loop.registry, options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::invalid_argument);
  options.user.clear();
  options.own_name = "a\r\nMAIL";
  EXPECT_FALSE(SmtpClient::make(loop.network, loop.reactor, loop.registry, options));
}

}  // namespace
}  // namespace dunlin::net::smtp
