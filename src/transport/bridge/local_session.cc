#include "transport/bridge/local_session.h"

#include <chrono>
#include <utility>

#include "base/log.h"
#include "hub/session.h"

namespace dunlin::bridge {
namespace {

constexpr Duration kReopenInterval = std::chrono::seconds{1};

}  // namespace

/// On the thread of the session's home shard, except where said.
class LocalSession::Door final : public hub::SessionLink,
                                 public std::enable_shared_from_this<LocalSession::Door> {
 public:
  Door(hub::Hub& hub, Executor& owner, PrincipalRef principal, std::string client_id)
      : hub_(hub),
        owner_(owner),
        principal_(std::move(principal)),
        client_id_(std::move(client_id)),
        shard_(hub.session_home(principal_->tenant, client_id_)) {}

  /// Any thread.
  void post(std::move_only_function<void(Door&)> task) {
    hub_.executor(shard_).post(
        [self = shared_from_this(), task = std::move(task)]() mutable { task(*self); });
  }

  void open(hub::OpenOptions::Start start) {
    if (life_ == Life::over) return;
    hub::OpenOptions options;
    options.principal = principal_;
    options.client_id = client_id_;
    options.start = start;
    options.expiry_seconds = hub::kNeverExpires;
    options.protocol = "bridge";
    options.peer = "in-process";
    auto opened = hub_.open(shard_, std::move(options), *this, [this, self = weak_from_this()](hub::Present) {
      if (!self.expired()) opened_ = true;
    });
    if (opened) {
      session_ = *opened;
      return;
    }
    log::error("transport/bridge", "the local session cannot be opened",
               {{"client", client_id_}, {"why", opened.error().message}});
    reopen_later();
  }

  void close(std::optional<std::uint32_t> expiry) {
    opened_ = false;
    hub::Session* session = std::exchange(session_, nullptr);
    if (session != nullptr) session->close({"disconnected", hub::Session::WillFate::discard, expiry});
  }
  void end(std::optional<std::uint32_t> expiry) {
    life_ = Life::over;
    close(expiry);
  }
  void restart() {
    close(0);
    open(hub::OpenOptions::Start::clean);
  }

  void publish(hub::Message message, std::uint16_t packet_id, Done done) {
    if (session_ == nullptr || !opened_)
      return answer(std::move(done), fail(Errc::unavailable, "no local session"));
    if (message.qos == hub::QoS::at_most_once) return session_->publish(std::move(message), 0, {});
    session_->publish(std::move(message), packet_id, reply(std::move(done)));
  }
  void release(std::uint16_t packet_id, Done done) {
    if (session_ == nullptr || !opened_)
      return answer(std::move(done), fail(Errc::unavailable, "no local session"));
    session_->release(packet_id, reply(std::move(done)));
  }

  // hub::SessionLink: nothing is subscribed to.
  void deliver(const hub::Outbound&, hub::EncodingCache&) override {}
  void release(std::uint16_t) override {}
  bool can_take() const override { return true; }
  void pause() override { tell(Flow::hold); }
  void resume() override { tell(Flow::go); }
  void ended(hub::EndReason reason, std::string_view) override {
    session_ = nullptr;
    opened_ = false;
    tell(Flow::go);
    if (reason != hub::EndReason::shutdown) reopen_later();
  }

  std::function<void(Flow)> on_flow;  // owner's thread

 private:
  /// Nothing was published or released when the session was lost first: the caller hears of it all the same.
  std::move_only_function<void(Result<void>)> reply(Done done) {
    struct Once {
      std::shared_ptr<Door> door;
      Done done;
      explicit Once(std::shared_ptr<Door> to, Done then) : door(std::move(to)), done(std::move(then)) {}
      ~Once() {
        if (done) door->answer(std::move(done), fail(Errc::unavailable, "the local session was lost"));
      }
      Once(const Once&) = delete;
      Once& operator=(const Once&) = delete;
    };
    return [once = std::make_unique<Once>(shared_from_this(), std::move(done))](Result<void> result) {
      once->door->answer(std::exchange(once->done, {}), std::move(result));
    };
  }
  void answer(Done done, Result<void> result) {
    if (!done) return;
    owner_.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  }
  void tell(Flow flow) {
    owner_.post([self = shared_from_this(), flow] {
      if (self->on_flow) self->on_flow(flow);
    });
  }
  void reopen_later() {
    hub_.executor(shard_).schedule(kReopenInterval, [self = shared_from_this()] {
      if (self->session_ == nullptr) self->open(hub::OpenOptions::Start::resume);
    });
  }

  hub::Hub& hub_;
  Executor& owner_;
  PrincipalRef principal_;
  std::string client_id_;
  std::size_t shard_;
  hub::Session* session_ = nullptr;
  bool opened_ = false;
  enum class Life : std::uint8_t { open, over } life_ = Life::open;
};

LocalSession::LocalSession(hub::Hub& hub, Executor& executor, PrincipalRef principal, std::string client_id)
    : door_(std::make_shared<Door>(hub, executor, std::move(principal), std::move(client_id))) {
  door_->post([](Door& door) { door.open(hub::OpenOptions::Start::resume); });
}

LocalSession::~LocalSession() {
  door_->on_flow = {};
  door_->post([](Door& door) { door.end(std::nullopt); });
}

void LocalSession::on_flow(std::function<void(Flow)> handler) {
  door_->on_flow = std::move(handler);
}

void LocalSession::restart() {
  door_->post([](Door& door) { door.restart(); });
}

void LocalSession::publish(hub::Message message, std::uint16_t packet_id, Done done) {
  door_->post([message = std::move(message), packet_id, done = std::move(done)](Door& door) mutable {
    door.publish(std::move(message), packet_id, std::move(done));
  });
}

void LocalSession::release(std::uint16_t packet_id, Done done) {
  door_->post(
      [packet_id, done = std::move(done)](Door& door) mutable { door.release(packet_id, std::move(done)); });
}

void LocalSession::forget() {
  door_->post([](Door& door) { door.end(0); });
}

}  // namespace dunlin::bridge
