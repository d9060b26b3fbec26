#pragma once
// One mail on one connection. For client.cc only.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/smtp/client.h"
#include "net/smtp/reply.h"
#include "net/tls_handshakes.h"

namespace dunlin::net::smtp {

/// What goes over the wire.
struct Envelope {
  std::string from;
  std::vector<std::string> to;
  std::string text;  // as compose() gives it
};

/// Talks to the server until the mail is taken or refused; `done` is called once, from inside a callback of
/// the connection or of a timer, and must not destroy this object before a later turn. Own thread.
class Session final : private ConnectionHandler {
 public:
  Session(Executor& executor, TlsHandshakes& handshakes, const ClientOptions& options, Envelope envelope,
          SentHandler done);
  ~Session() override;

  /// Takes what Network::connect gave.
  void connected(Result<std::unique_ptr<Connection>> connection);
  void give_up(Error error) { finish(std::unexpected(std::move(error))); }

 private:
  enum class Step : std::uint8_t {
    greeting,
    hello,
    start_tls,
    user_and_password,  // AUTH PLAIN, with its initial response
    login,              // AUTH LOGIN
    login_user,
    login_password,
    sender,
    receiver,
    data,
    text,
  };

  std::size_t on_data(ByteView bytes) override;
  void on_closed(CloseReason reason) override;

  void ask(Step step, std::string_view command);
  void answered(const Reply& reply);
  void greeted(const Reply& reply);
  void secure();
  void secured(Result<std::unique_ptr<Connection>> connection);
  void sign_in(const Reply& hello);
  void receiver_answered(const Reply& reply);
  void ask_receiver();
  void send_text();
  void refuse(const Reply& reply, std::string_view what);
  void finish(Result<Receipt> result);

  Executor& executor_;
  TlsHandshakes& handshakes_;
  const ClientOptions& options_;
  Envelope envelope_;
  SentHandler done_;
  std::unique_ptr<Connection> connection_;
  ReplyReader reader_;
  Step step_ = Step::greeting;
  std::size_t next_receiver_ = 0;
  Receipt receipt_;
  enum class Secured : std::uint8_t { no, yes } secured_ = Secured::no;
  bool finished_ = false;
  // The handshake's callback and posted tasks hold it weakly to learn whether this object still lives.
  std::shared_ptr<Session*> self_;
};

}  // namespace dunlin::net::smtp
