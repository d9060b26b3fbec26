#pragma once
// One server connection; internal to the room.

#include <deque>
#include <optional>
#include <string>

#include "net/http/parser.h"
#include "net/http/serialize.h"
#include "net/http/server.h"

namespace dunlin::net::http {

/// What the connections of one server share.
struct HttpServer::Context {
  Executor& executor;
  ServerOptions options;
  RequestHandler handler;
  std::unordered_map<std::uint64_t, std::unique_ptr<HttpServerConnection>> connections;
  std::uint64_t next_id = 1;
  bool draining = false;
  // Null once the server has been destroyed; tasks that it posted hold it weakly, hence shared.
  std::shared_ptr<Context*> self;
  std::string date;
  std::chrono::sys_seconds date_of{};

  /// The Date field, made once a second.
  const std::string& date_now();
  /// Forgets a connection from a later turn of the loop.
  void remove_later(std::uint64_t id);
};

class HttpServerConnection final : public ConnectionHandler {
 public:
  using Context = HttpServer::Context;

  HttpServerConnection(Context& context, std::uint64_t id, std::unique_ptr<Connection> connection);
  ~HttpServerConnection() override;

  std::size_t on_data(ByteView bytes) override;
  void on_output_drained() override;
  void on_closed(CloseReason reason) override;

  void answer(std::uint64_t exchange, Response response, std::unique_ptr<BodySource> body = nullptr);
  void answer_upgrade(std::uint64_t exchange, Headers headers, UpgradeHandler taken);
  bool is_waiting(std::uint64_t exchange) const;
  void drain();
  void read_body(std::uint64_t exchange, std::unique_ptr<BodySink> sink);
  void hold_body(std::uint64_t exchange);
  void let_body_come(std::uint64_t exchange);

 private:
  /// A request in work. They are answered in the order of the queue.
  struct Exchange {
    std::uint64_t id;
    Version version = Version::http_1_1;
    KeepAlive keep_alive = KeepAlive::yes;
    enum class Body { sent, left_out } body = Body::sent;
    std::optional<Response> response;
    std::unique_ptr<BodySource> source;  // of the response's body; null: it is in the response
    UpgradeHandler taken;
  };
  /// A request that is in work while its body comes. `sink` is null until somebody wants to read it.
  struct Streaming {
    std::uint64_t exchange;
    enum class Flow : std::uint8_t { held, open } flow = Flow::held;
    std::unique_ptr<BodySink> sink{};
    std::uint64_t progress = 0;  // bytes since the last look
  };
  /// What the connection waits for; each has its own deadline.
  enum class Phase { idle, header, body, stream, answers };

  bool can_read() const;
  std::size_t read_requests(ByteView bytes);
  Exchange begin_exchange() const;
  void dispatch();
  void begin_stream();
  void advance_stream();
  void drop_stream();
  void refuse(const Refusal& refusal);
  void read_kept_input();
  Exchange* find(std::uint64_t exchange);
  void flush();
  bool write_some();
  void begin_response(Exchange& exchange);
  void write_body();
  bool ask_source();
  void take_piece(std::uint64_t exchange, Result<Slice> piece);
  void take_open_piece(Slice piece);
  ResponseFraming::Body begin_source(Exchange& exchange);
  void break_off();
  void finish_front();
  void send_continue();
  void begin_hand_over();
  void hand_over();
  void wait_for_output();
  void check_output_progress();
  void close();
  void finish();
  void update_phase();
  Duration deadline_of(Phase phase) const;
  void arm_timer(Duration delay);
  void on_timer();
  void count_answer(int status);
  void post_guarded(void (HttpServerConnection::*step)());

  Context& context_;
  const std::uint64_t id_;
  std::unique_ptr<Connection> connection_;
  // Shared: see PeerInfo in Request.
  std::shared_ptr<const PeerInfo> peer_;
  std::shared_ptr<Responder::Link> link_;
  RequestParser parser_;
  std::string input_;  // bytes taken from the connection that could not be parsed yet
  std::deque<Exchange> exchanges_;
  std::uint64_t next_exchange_ = 1;
  std::optional<Streaming> streaming_;
  Slice body_left_;
  std::uint64_t source_left_ = 0;  // bytes that the front exchange's source still owes
  /// Of a source that does not know how many.
  enum class Open : std::uint8_t { no, chunked, until_close } source_open_ = Open::no;
  enum class Asked : std::uint8_t { no, yes } asked_ = Asked::no;
  bool writing_ = false;  // the front exchange's head is written
  bool flushing_ = false;
  bool input_ended_ = false;  // no further request is read; what comes is thrown away
  bool upgrading_ = false;    // a request asked for an upgrade: bytes after it are kept
  bool owes_continue_ = false;
  bool continue_decided_ = false;  // for the request that is being read
  bool closing_ = false;
  bool finished_ = false;
  bool reading_paused_ = false;
  Phase phase_ = Phase::idle;
  std::uint64_t phase_exchange_ = 0;
  Instant phase_since_;
  TimerId timer_;
  TimerId output_timer_;
  std::size_t last_pending_output_ = 0;
  Instant output_progress_;
};

}  // namespace dunlin::net::http
