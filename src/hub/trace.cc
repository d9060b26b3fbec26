#include "hub/trace.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hub/topic.h"

namespace dunlin::hub {
namespace {

constexpr Duration kTraceInterval = std::chrono::milliseconds{100};
constexpr std::array<std::string_view, 14> kNames{
    "connected",         "connect_refused", "disconnected", "ended",           "subscribed",
    "subscribe_refused", "unsubscribed",    "published",    "publish_refused", "routed",
    "delivered",         "queued",          "dropped",      "acknowledged"};

/// A filter of a subscription belongs to a trace of a topic when it may match it; without wildcards in the
/// trace that can be said exactly, otherwise only equal filters are taken for sure.
bool concerns(std::string_view wanted, const TracePoint& point) {
  if (point.message != nullptr) return filter_matches(wanted, point.topic);
  if (point.topic == wanted) return true;
  const bool is_topic = check_topic(point.topic).has_value();
  if (is_topic) return filter_matches(wanted, point.topic);
  return !has_wildcard(wanted) && check_filter(point.topic) && filter_matches(point.topic, wanted);
}

TraceEvent event_of(const TracePoint& point, WallTime now, TraceRequest::Payload payload) {
  TraceEvent event{.kind = point.kind,
                   .at = now,
                   .client_id = std::string(point.client_id),
                   .publisher = std::string(point.publisher),
                   .topic = std::string(point.topic),
                   .detail = std::string(point.detail),
                   .about = TraceEvent::About::session,
                   .qos = point.qos,
                   .retain = false,
                   .sessions = point.sessions,
                   .payload_bytes = 0,
                   .payload = {}};
  if (point.message == nullptr) return event;
  event.about = TraceEvent::About::message;
  event.retain = point.message->retain == Message::Retain::yes;
  event.payload_bytes = point.message->payload.size();
  if (payload == TraceRequest::Payload::show)
    event.payload = point.message->payload.text().substr(0, kMaxTracePayloadBytes);
  return event;
}

}  // namespace

std::string_view trace_kind_name(TraceKind kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

struct Tracer::Watch {
  TraceRequest request;
  std::vector<TraceEvent> events;
  std::uint64_t dropped = 0;
  WallTime second{};  // the beginning of the one that `seen` counts
  std::size_t seen = 0;

  bool wants(const TracePoint& point) const {
    if (point.tenant != request.tenant) return false;
    const bool theirs = request.client_id.empty() || point.client_id == request.client_id ||
                        point.publisher == request.client_id;
    if (!theirs) return false;
    if (request.topic_filter.empty()) return true;
    // A client's comings and goings belong to the story of its messages, everybody's do not.
    if (point.topic.empty()) return !request.client_id.empty();
    return concerns(request.topic_filter, point);
  }
  void take(const TracePoint& point, WallTime now) {
    if (now - second >= std::chrono::seconds{1} || now < second) {
      second = now;
      seen = 0;
    }
    if (++seen > kMaxTraceEventsPerSecond || events.size() >= kMaxTraceEventsPerSecond) {
      ++dropped;
      return;
    }
    events.push_back(event_of(point, now, request.payload));
  }
};

/// The handle that was given out: empties its watch by a timer of its executor.
class RunningTrace final : public Trace {
 public:
  RunningTrace(Tracer& tracer, Executor& executor, std::shared_ptr<Tracer::Watch> watch,
               Tracer::Handler handler)
      : tracer_(tracer),
        executor_(executor),
        watch_(std::move(watch)),
        handler_(std::move(handler)),
        end_(executor.now() + std::min(watch_->request.duration, kMaxTraceDuration)) {
    again();
  }
  ~RunningTrace() override {
    executor_.cancel(timer_);
    tracer_.stop(watch_);
  }

 private:
  void again() {
    timer_ = executor_.schedule(kTraceInterval, [this] {
      timer_ = {};
      look();
    });
  }
  void look() {
    TraceBatch batch;
    if (executor_.now() >= end_) {
      batch.state = TraceBatch::State::over;
      tracer_.stop(watch_);
    } else {
      again();
    }
    {
      const std::lock_guard lock(tracer_.mutex_);
      batch.events = std::exchange(watch_->events, {});
      batch.dropped = std::exchange(watch_->dropped, 0);
    }
    const bool worth_it =
        !batch.events.empty() || batch.dropped > 0 || batch.state == TraceBatch::State::over;
    if (!worth_it) return;
    const Tracer::Handler handler = handler_;  // which may destroy this object
    handler(std::move(batch));
  }

  Tracer& tracer_;
  Executor& executor_;
  std::shared_ptr<Tracer::Watch> watch_;  // shared: with the tracer while it runs
  Tracer::Handler handler_;
  Instant end_;
  TimerId timer_;
};

Tracer::Tracer() = default;
Tracer::~Tracer() = default;

void Tracer::report(const TracePoint& point, WallTime now) {
  const std::lock_guard lock(mutex_);
  for (const auto& watch : watches_) {
    if (watch->wants(point)) watch->take(point, now);
  }
}

Result<std::unique_ptr<Trace>> Tracer::start(Executor& executor, TraceRequest request, Handler handler) {
  if (!request.topic_filter.empty()) DUNLIN_CHECK(check_filter(request.topic_filter));
  auto watch = std::make_shared<Watch>();
  watch->request = std::move(request);
  {
    const std::lock_guard lock(mutex_);
    if (watches_.size() >= kMaxTraces) {
      return fail(Errc::limit_exceeded,
                  "there are " + std::to_string(kMaxTraces) + " traces already; end one of them first");
    }
    watches_.push_back(watch);
    on_.store(true, std::memory_order_relaxed);
  }
  return std::make_unique<RunningTrace>(*this, executor, std::move(watch), std::move(handler));
}

void Tracer::stop(const std::shared_ptr<Watch>& watch) {
  const std::lock_guard lock(mutex_);
  std::erase(watches_, watch);
  on_.store(!watches_.empty(), std::memory_order_relaxed);
}

}  // namespace dunlin::hub
