#pragma once
// A page's trace: what the hub sees of messages and sessions, as JSON. Format: docs/protocols/live.md.

#include <boost/json/fwd.hpp>
#include <functional>
#include <memory>

#include "base/executor.h"
#include "hub/trace.h"

namespace dunlin::transport {

boost::json::object to_json(const hub::TraceEvent& event);

/// One at a time. One executor's thread.
class LiveTrace {
 public:
  /// What the page's user may see.
  enum class Rights : std::uint8_t { none, events, payloads };
  using Send = std::function<void(const boost::json::object&)>;
  struct Parts {
    Executor& executor;
    hub::Tracer& tracer;
    TenantId tenant;
    Rights rights = Rights::none;
    Send send;
    std::function<bool()> keeps_up;  // false: events are counted, not sent
  };
  explicit LiveTrace(Parts parts) : parts_(std::move(parts)) {}

  /// {"topic":"a/#","client":"x","seconds":60,"payload":true}; anything that is no object ends the trace.
  void on_request(const boost::json::value& wanted);

 private:
  void start(const boost::json::object& wanted);
  void show(hub::TraceBatch batch);
  void say_ended(std::string_view reason);

  Parts parts_;
  std::uint64_t dropped_ = 0;  // and not told so far
  std::unique_ptr<hub::Trace> trace_;
};

}  // namespace dunlin::transport
