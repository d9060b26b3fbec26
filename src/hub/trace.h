#pragma once
// Live message tracing: what happens to messages and sessions, for as long as somebody watches.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/result.h"
#include "hub/message.h"

namespace dunlin::hub {

inline constexpr std::size_t kMaxTraces = 8;  // at once, of all tenants
inline constexpr Duration kMaxTraceDuration = std::chrono::minutes{10};
inline constexpr std::size_t kMaxTraceEventsPerSecond = 1000;  // per trace; what is past it is counted
inline constexpr std::size_t kMaxTracePayloadBytes = 256;      // of a message that is shown

enum class TraceKind : std::uint8_t {
  connected,
  connect_refused,
  disconnected,
  ended,  // a session that is not connected
  subscribed,
  subscribe_refused,
  unsubscribed,
  published,
  publish_refused,
  routed,
  delivered,
  queued,
  dropped,
  acknowledged,
};
/// "connected" ...: the stable word of the API.
std::string_view trace_kind_name(TraceKind kind);

/// What happened, where it happened. Valid during the call.
struct TracePoint {
  TraceKind kind = TraceKind::published;
  TenantId tenant = kDefaultTenant;
  std::string_view client_id{};  // whose session
  std::string_view publisher{};  // the client id of who published the message
  std::string_view topic{};      // or the filter of a subscription; empty: none
  std::string_view detail{};     // a reason, for people
  const Message* message = nullptr;
  QoS qos = QoS::at_most_once;
  std::uint32_t sessions = 0;  // routed: to how many
};

struct TraceEvent {
  TraceKind kind = TraceKind::published;
  WallTime at{};
  std::string client_id;
  std::string publisher;
  std::string topic;
  std::string detail;
  enum class About : std::uint8_t { session, message } about = About::session;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  std::uint32_t sessions = 0;
  std::size_t payload_bytes = 0;
  std::string payload;  // its first kMaxTracePayloadBytes, where that was asked for
};

struct TraceRequest {
  TenantId tenant = kDefaultTenant;
  std::string topic_filter = {};  // empty: every topic; otherwise valid (topic.h)
  std::string client_id = {};     // empty: every client; otherwise what it does, and its messages elsewhere
  Duration duration = std::chrono::seconds{60};  // cut to kMaxTraceDuration
  enum class Payload : std::uint8_t { hide, show } payload = Payload::hide;
};

struct TraceBatch {
  std::vector<TraceEvent> events;
  std::uint64_t dropped = 0;  // more events than the rate allows, since the last batch
  enum class State : std::uint8_t { running, over } state = State::running;  // over: its time is up
};

/// Ends the trace when destroyed. Thread of the executor that it reports to.
class Trace {
 public:
  virtual ~Trace() = default;
};

/// All traces of a hub. While there is none, an event costs one relaxed load.
class Tracer {
 public:
  Tracer();
  ~Tracer();

  bool on() const { return on_.load(std::memory_order_relaxed); }
  /// Any thread, only worth the call while on().
  void report(const TracePoint& point, WallTime now);

  using Handler = std::function<void(TraceBatch)>;
  /// On the thread of `executor`, where `handler` runs with what was seen, at most ten times a second, until
  /// the answer is destroyed. Errors: limit_exceeded (kMaxTraces), invalid_argument (the filter).
  Result<std::unique_ptr<Trace>> start(Executor& executor, TraceRequest request, Handler handler);

 private:
  friend class RunningTrace;
  struct Watch;
  void stop(const std::shared_ptr<Watch>& watch);

  std::atomic<bool> on_{false};
  std::mutex mutex_;  // guards watches_ and what is in them; taken only while there is a trace
  std::vector<std::shared_ptr<Watch>> watches_;  // shared: with the trace that was handed out
};

}  // namespace dunlin::hub
