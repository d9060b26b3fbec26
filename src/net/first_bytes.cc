#include "net/first_bytes.h"

#include <array>
#include <utility>

namespace dunlin::net {

struct FirstBytes::Waiting final : ConnectionHandler {
  Waiting(FirstBytes& all, std::uint64_t number) : owner(all), id(number) {}
  ~Waiting() override {
    if (!deadline_alive.expired()) connection_executor->cancel(deadline);
  }
  std::size_t on_data(ByteView bytes) override { return owner.judge(*this, bytes); }
  void on_closed(CloseReason) override {
    owner.refuse(id, Refusal::ended, "the peer ended the connection before it said enough");
  }

  FirstBytes& owner;
  std::uint64_t id;
  std::unique_ptr<Connection> connection;
  Executor* connection_executor = nullptr;
  AcceptHandler* next = nullptr;  // set once the verdict is there
  // The timer's task holds the other half: when its executor is gone, so is the timer.
  std::weak_ptr<const bool> deadline_alive;
  TimerId deadline;
};

FirstBytes::FirstBytes(Options options, Judge judge, Refused refused)
    : options_(options), judge_(std::move(judge)), refused_(std::move(refused)) {}

FirstBytes::~FirstBytes() = default;

void FirstBytes::add(std::unique_ptr<Connection> connection) {
  if (waiting_.size() >= options_.max_waiting)
    return refused_(connection->peer(), Refusal::too_many, "too many connections wait for their first bytes");
  const std::uint64_t id = next_id_++;
  auto made = std::make_unique<Waiting>(*this, id);
  Waiting& waiting = *made;
  waiting_.emplace(id, std::move(made));
  waiting.connection = std::move(connection);
  waiting.connection_executor = &waiting.connection->executor();
  const auto alive = std::make_shared<const bool>(true);
  waiting.deadline_alive = alive;
  waiting.deadline =
      waiting.connection_executor->schedule(options_.deadline, [this, id, alive] { timed_out(id); });
  waiting.connection->set_handler(&waiting);
}

std::size_t FirstBytes::judge(Waiting& waiting, ByteView bytes) {
  const std::uint64_t id = waiting.id;
  const Verdict verdict = judge_(*waiting.connection, bytes);
  if (verdict.status == Verdict::Status::need_more && bytes.size() < options_.max_bytes) return 0;
  if (verdict.status != Verdict::Status::take) {
    refuse(id, Refusal::bad,
           verdict.status == Verdict::Status::refuse ? verdict.why : "the first bytes decide nothing");
    return bytes.size();
  }
  // Handed on from a task of its own: the next owner may move or destroy the connection. Until then it is
  // paused, so that bytes of the connection itself may wait in any number.
  waiting.next = verdict.next;
  waiting.connection->pause_reading();
  waiting.connection_executor->post([this, id, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) hand_on(id);
  });
  return verdict.consumed;
}

void FirstBytes::hand_on(std::uint64_t id) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;  // it broke meanwhile
  const auto owned = std::move(found->second);
  waiting_.erase(found);
  std::unique_ptr<Connection> connection = std::move(owned->connection);
  connection->set_handler(nullptr);
  // Nothing of this object may be touched after this: it may destroy the listener.
  (*owned->next)(std::move(connection));
}

void FirstBytes::timed_out(std::uint64_t id) {
  refuse(id, Refusal::late, "the first bytes came too late");
}

void FirstBytes::refuse(std::uint64_t id, Refusal refusal, std::string_view why) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  const auto owned = std::move(found->second);
  waiting_.erase(found);
  refused_(owned->connection->peer(), refusal, why);
}

std::string_view refusal_name(FirstBytes::Refusal refusal) {
  constexpr std::array<std::string_view, FirstBytes::kRefusals> kNames{"bad", "late", "ended", "too_many"};
  return kNames[static_cast<std::size_t>(refusal)];
}

}  // namespace dunlin::net
