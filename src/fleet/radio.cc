#include "fleet/radio.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/core/assert.h"
#include "fleet/limits.h"

namespace dunlin::fleet {

/// The real connection, and what waits for the signal. Owned by the radio: it may outlive the device's
/// stream.
class Radio::Line final : public net::ConnectionHandler {
 public:
  Line(Radio& radio, std::uint64_t number, std::unique_ptr<net::Connection> real)
      : radio_(radio), number_(number), real_(std::move(real)), peer_(real_->peer()) {
    real_->set_handler(this);
    if (lost()) real_->pause_reading();
  }

  std::size_t on_data(ByteView bytes) override {
    if (handler_ == nullptr) return given_up_ ? bytes.size() : 0;
    return lost() ? 0 : handler_->on_data(bytes);
  }
  void on_output_drained() override {
    if (handler_ != nullptr && !lost()) handler_->on_output_drained();
  }
  void on_closed(net::CloseReason reason) override {
    real_.reset();
    if (given_up_) return radio_.forget(number_);
    if (lost()) {
      unseen_close_ = reason;
      return;
    }
    if (handler_ != nullptr) handler_->on_closed(reason);
  }

  void write(Slice bytes) {
    if (closing_ || given_up_) return;
    if (!lost()) {
      if (real_ != nullptr) real_->write(std::move(bytes));
      return;
    }
    held_bytes_ += bytes.size();
    if (held_bytes_ > kMaxHeldBytes) overflowed_ = true;  // the stream cannot go on with a gap in it
    if (!overflowed_) held_.push_back(std::move(bytes));
  }

  void close() {
    if (std::exchange(closing_, true)) return;
    if (!lost()) {
      if (real_ != nullptr) real_->close();
      return;
    }
    report_local_close();
  }
  void abort() {
    closing_ = true;
    if (!lost() && real_ != nullptr) return real_->abort();
    report_local_close();
  }

  /// The device has given the stream up: without signal the server cannot know yet.
  void give_up() {
    handler_ = nullptr;
    if (!lost() || real_ == nullptr || radio_.lines_.size() > kMaxHeldConnections)
      return radio_.forget(number_);
    given_up_ = true;
    held_.clear();
  }

  void signal_lost() {
    if (real_ != nullptr) real_->pause_reading();
  }
  void signal_returned() {
    if (given_up_ || overflowed_ || closing_) {
      real_.reset();
      if (given_up_) return radio_.forget(number_);
      if (!closing_) unseen_close_ = net::CloseReason::reset;
    }
    if (unseen_close_) {
      real_.reset();
      if (handler_ != nullptr) handler_->on_closed(*unseen_close_);
      return;
    }
    if (real_ == nullptr) return;
    for (Slice& bytes : held_) real_->write(std::move(bytes));
    held_.clear();
    held_bytes_ = 0;
    real_->resume_reading();
    if (handler_ != nullptr) handler_->on_output_drained();
  }

 private:
  friend class Radio::Stream;
  bool lost() const { return radio_.signal_ == Signal::lost; }
  void report_local_close() {
    radio_.executor_.post(
        [radio = &radio_, alive = std::weak_ptr<const bool>(radio_.alive_), number = number_] {
          if (alive.expired()) return;
          const auto line = radio->lines_.find(number);
          if (line == radio->lines_.end() || line->second->handler_ == nullptr) return;
          line->second->handler_->on_closed(net::CloseReason::local_closed);
        });
  }

  Radio& radio_;
  std::uint64_t number_;
  std::unique_ptr<net::Connection> real_;
  net::PeerInfo peer_;
  net::ConnectionHandler* handler_ = nullptr;  // the device's
  std::deque<Slice> held_;
  std::size_t held_bytes_ = 0;
  std::optional<net::CloseReason> unseen_close_;
  bool overflowed_ = false;
  bool closing_ = false;
  bool given_up_ = false;
};

/// What the device holds.
class Radio::Stream final : public net::Connection {
 public:
  explicit Stream(Line& line) : line_(&line) {}
  ~Stream() override {
    if (line_ != nullptr) line_->give_up();
  }

  void set_handler(net::ConnectionHandler* handler) override { line_->handler_ = handler; }
  void write(Slice bytes) override { line_->write(std::move(bytes)); }
  std::size_t pending_output() const override {
    return line_->held_bytes_ + (line_->real_ != nullptr ? line_->real_->pending_output() : 0);
  }
  void pause_reading() override {
    if (line_->real_ != nullptr) line_->real_->pause_reading();
  }
  void resume_reading() override {
    if (line_->real_ != nullptr && !line_->lost()) line_->real_->resume_reading();
  }
  void close() override { line_->close(); }
  void abort() override { line_->abort(); }
  const net::PeerInfo& peer() const override { return line_->peer_; }
  Executor& executor() override { return line_->radio_.executor_; }
  void set_max_unconsumed(std::size_t bytes) override {
    if (line_->real_ != nullptr) line_->real_->set_max_unconsumed(bytes);
  }
  /// The moved stream leaves the radio: it no longer depends on the signal.
  void move_to(Executor& target,
               std::move_only_function<void(std::unique_ptr<net::Connection>)> arrived) override {
    Line* line = std::exchange(line_, nullptr);
    DUNLIN_ASSERT(line != nullptr && line->real_ != nullptr);
    line->real_->move_to(target, std::move(arrived));
    line->radio_.forget(line->number_);
  }

 private:
  Line* line_;  // null once moved
};

Radio::Radio(net::Network& network, Executor& executor)
    : network_(network), executor_(executor), alive_(std::make_shared<const bool>(true)) {}

Radio::~Radio() = default;

void Radio::forget(std::uint64_t line) {
  lines_.erase(line);
}

void Radio::set_signal(Signal signal) {
  if (std::exchange(signal_, signal) == signal) return;
  // Handlers may end any line, so each is looked up again.
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, line] : lines_) numbers.push_back(number);
  for (const std::uint64_t number : numbers) {
    const auto line = lines_.find(number);
    if (line == lines_.end()) continue;
    if (signal == Signal::lost) {
      line->second->signal_lost();
    } else {
      line->second->signal_returned();
    }
  }
}

Result<std::unique_ptr<net::Listener>> Radio::listen(Executor&, net::ListenOptions, net::AcceptHandler) {
  return fail(Errc::unsupported, "a simulated device does not listen");
}

std::unique_ptr<net::Connection> Radio::wrap(std::unique_ptr<net::Connection> connection) {
  const std::uint64_t number = next_line_++;
  const auto line =
      lines_.emplace(number, std::make_unique<Line>(*this, number, std::move(connection))).first;
  return std::make_unique<Stream>(*line->second);
}

void Radio::connect(Executor& executor, net::ConnectOptions options, net::ConnectHandler done) {
  if (signal_ == Signal::lost) {
    executor.schedule(options.deadline,
                      [done = std::move(done)]() mutable { done(fail(Errc::timed_out, "no signal")); });
    return;
  }
  const std::weak_ptr<const bool> alive = alive_;
  network_.connect(
      executor, std::move(options),
      [this, alive, done = std::move(done)](Result<std::unique_ptr<net::Connection>> result) mutable {
        if (alive.expired()) return;
        if (!result) return done(std::unexpected(std::move(result).error()));
        done(wrap(std::move(*result)));
      });
}

}  // namespace dunlin::fleet
