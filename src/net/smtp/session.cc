#include "net/smtp/session.h"

#include <utility>

#include "base/base64.h"

namespace dunlin::net::smtp {
namespace {

/// A line that begins with a dot gets another one (RFC 5321 section 4.5.2), and a dot alone ends it.
std::string with_dots(std::string_view text) {
  std::string made;
  made.reserve(text.size() + 16);
  bool at_begin = true;
  for (const char c : text) {
    if (at_begin && c == '.') made += '.';
    made += c;
    at_begin = c == '\n';
  }
  return made + ".\r\n";
}

/// Whether a list of words ("PLAIN LOGIN") has one.
bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

}  // namespace

Session::Session(Executor& executor, TlsHandshakes& handshakes, const ClientOptions& options,
                 Envelope envelope, SentHandler done)
    : executor_(executor),
      handshakes_(handshakes),
      options_(options),
      envelope_(std::move(envelope)),
      done_(std::move(done)),
      self_(std::make_shared<Session*>(this)) {
  if (options_.security == Security::tls) secured_ = Secured::yes;
}

Session::~Session() = default;

void Session::connected(Result<std::unique_ptr<Connection>> connection) {
  if (finished_) return;
  if (!connection) return finish(std::unexpected(std::move(connection).error()));
  connection_ = *std::move(connection);
  connection_->set_handler(this);
}

std::size_t Session::on_data(ByteView bytes) {
  std::size_t used = 0;
  while (!finished_ && used < bytes.size()) {
    used += reader_.feed(bytes.subspan(used));
    if (reader_.state() == ReplyReader::State::malformed) {
      finish(fail(Errc::malformed, "the server does not speak SMTP"));
      break;
    }
    if (reader_.state() == ReplyReader::State::more) break;
    // We ask one thing at a time: more than one answer is none of ours. After STARTTLS, what came before the
    // handshake would be taken for what came under its protection (CVE-2011-0411).
    if (used < bytes.size()) {
      finish(fail(Errc::malformed, "the server has answered what it was not asked"));
      break;
    }
    answered(reader_.take());
  }
  return bytes.size();
}

void Session::on_closed(CloseReason reason) {
  finish(fail(Errc::unavailable,
              "the mail server has ended the connection: " + std::string(close_reason_name(reason))));
}

void Session::ask(Step step, std::string_view command) {
  step_ = step;
  connection_->write(std::string(command) + "\r\n");
}

void Session::answered(const Reply& reply) {
  const bool is_yes = reply.code / 100 == 2;
  switch (step_) {
    case Step::greeting:
      if (reply.code != 220) return refuse(reply, "does not serve");
      return ask(Step::hello, "EHLO " + options_.own_name);
    case Step::hello:
      return is_yes ? greeted(reply) : refuse(reply, "has refused EHLO");
    case Step::start_tls:
      return reply.code == 220 ? secure() : refuse(reply, "has refused STARTTLS");
    case Step::login:
      if (reply.code != 334) return refuse(reply, "has refused AUTH");
      return ask(Step::login_user, to_base64(as_bytes(options_.user)));
    case Step::login_user:
      if (reply.code != 334) return refuse(reply, "has refused the user");
      return ask(Step::login_password, to_base64(as_bytes(options_.password)));
    case Step::user_and_password:
    case Step::login_password:
      if (reply.code == 535 || reply.code == 534)
        return finish(
            fail(Errc::unauthenticated, "the mail server does not know user and password: " + reply.shown()));
      if (reply.code != 235) return refuse(reply, "has refused AUTH");
      return ask(Step::sender, "MAIL FROM:<" + envelope_.from + ">");
    case Step::sender:
      return is_yes ? ask_receiver() : refuse(reply, "has refused the sender");
    case Step::receiver:
      return receiver_answered(reply);
    case Step::data:
      return reply.code == 354 ? send_text() : refuse(reply, "has refused the mail");
    case Step::text:
      if (!is_yes) return refuse(reply, "has refused the mail");
      receipt_.reply = reply.shown();
      return finish(std::move(receipt_));
  }
}

void Session::greeted(const Reply& reply) {
  if (options_.security == Security::starttls && secured_ == Secured::no) {
    if (!reply.extension("STARTTLS"))
      return finish(fail(Errc::unsupported, "the mail server does not offer STARTTLS"));
    return ask(Step::start_tls, "STARTTLS");
  }
  if (const auto size = reply.extension("SIZE"); size && !size->empty()) {
    const std::uint64_t most = std::strtoull(std::string(*size).c_str(), nullptr, 10);  // RFC 1870 section 4
    if (most != 0 && envelope_.text.size() > most)
      return finish(fail(Errc::invalid_argument,
                         "the mail server takes mails of at most " + std::to_string(most) + " bytes"));
  }
  if (!options_.user.empty()) return sign_in(reply);
  ask(Step::sender, "MAIL FROM:<" + envelope_.from + ">");
}

void Session::secure() {
  connection_->set_handler(nullptr);
  // Not here: this connection's on_data is still on the stack.
  executor_.post([weak = std::weak_ptr(self_)] {
    const auto self = weak.lock();
    if (!self || (*self)->finished_) return;
    Session& session = **self;
    const ConnectOptions options{.endpoint = session.options_.server,
                                 .tls = session.options_.tls,
                                 .server_name = session.options_.server.host,
                                 .application_protocols = {},
                                 .deadline = session.options_.deadline};
    session.handshakes_.begin(std::move(session.connection_), make_tls_state(options), options.deadline,
                              [weak](Result<std::unique_ptr<Connection>> connection) {
                                if (const auto living = weak.lock())
                                  (*living)->secured(std::move(connection));
                              });
  });
}

void Session::secured(Result<std::unique_ptr<Connection>> connection) {
  if (finished_) return;
  if (!connection) return finish(std::unexpected(std::move(connection).error()));
  connection_ = *std::move(connection);
  connection_->set_handler(this);
  secured_ = Secured::yes;
  // What was said before is worth nothing (RFC 3207 section 4.2).
  ask(Step::hello, "EHLO " + options_.own_name);
}

void Session::sign_in(const Reply& hello) {
  const std::string_view ways = hello.extension("AUTH").value_or("");
  if (has_word(ways, "PLAIN")) {
    // RFC 4616 section 2.
    const std::string secret =
        std::string(1, '\0') + options_.user + std::string(1, '\0') + options_.password;
    return ask(Step::user_and_password, "AUTH PLAIN " + to_base64(as_bytes(secret)));
  }
  if (has_word(ways, "LOGIN")) return ask(Step::login, "AUTH LOGIN");
  finish(fail(Errc::unsupported, "the mail server offers neither AUTH PLAIN nor AUTH LOGIN"));
}

void Session::ask_receiver() {
  ask(Step::receiver, "RCPT TO:<" + envelope_.to[next_receiver_] + ">");
}

void Session::receiver_answered(const Reply& reply) {
  // Not now: the mail is tried again as a whole, or those who took it would get it alone.
  if (reply.code / 100 == 4) return refuse(reply, "cannot take it for " + envelope_.to[next_receiver_]);
  if (reply.code / 100 != 2) receipt_.refused.push_back(envelope_.to[next_receiver_] + ": " + reply.shown());
  if (++next_receiver_ < envelope_.to.size()) return ask_receiver();
  if (receipt_.refused.size() == envelope_.to.size()) return refuse(reply, "has refused all receivers");
  ask(Step::data, "DATA");
}

void Session::send_text() {
  step_ = Step::text;
  connection_->write(Slice::copy_of(with_dots(std::exchange(envelope_.text, {}))));
}

void Session::refuse(const Reply& reply, std::string_view what) {
  const Errc code = reply.code / 100 == 5   ? Errc::invalid_argument
                    : reply.code / 100 == 4 ? Errc::unavailable
                                            : Errc::malformed;
  finish(fail(code, "the mail server " + std::string(what) + ": " + reply.shown()));
}

void Session::finish(Result<Receipt> result) {
  if (std::exchange(finished_, true)) return;
  // Nobody waits for its answer.
  if (connection_ != nullptr && result) connection_->write(std::string_view("QUIT\r\n"));
  done_(std::move(result));
}

}  // namespace dunlin::net::smtp
