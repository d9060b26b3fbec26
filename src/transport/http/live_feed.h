#pragma once
// What happens, as it happens, to every open page: one WebSocket each. Format: docs/protocols/live.md.

#include <boost/json/fwd.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "hub/principal.h"
#include "transport/http/live_frames.h"
#include "transport/http/live_queries.h"
#include "transport/http/live_trace.h"
#include "transport/http/newest_pictures.h"

namespace dunlin::transport {

/// Where a page's frames go; implemented over a WebSocket.
class LiveSink {
 public:
  virtual ~LiveSink() = default;
  virtual void send_text(std::string text) = 0;
  virtual void send_binary(std::string bytes) = 0;
  /// Bytes that the page has not taken yet.
  virtual std::size_t backlog() const = 0;
};

/// One measurement as pages see it.
struct LiveValue {
  TenantId tenant;
  std::string device;
  std::string channel;
  std::string unit;
  double time_ms = 0;
  double value = 0;
};

/// What a page's user may see beside the series.
struct LiveRights {
  LiveTrace::Rights trace = LiveTrace::Rights::none;
  enum class Refusals : std::uint8_t { hidden, shown } refusals = Refusals::hidden;
  PrincipalRef asker{};  // of its queries; null: it may not ask
};

/// One open page. Made by LiveFeed::open(); destroying it ends the feed for that page.
class LivePage;

/// One executor's thread.
class LiveFeed {
 public:
  LiveFeed(Executor& executor, metrics::Registry& metrics);
  ~LiveFeed();

  /// Null when kMaxLivePages are open. The sink must outlive the page.
  std::unique_ptr<LivePage> open(TenantId tenant, LiveSink& sink, LiveRights rights = {});

  /// From now on pages may ask for traces. The tracer must outlive the pages.
  void set_tracer(hub::Tracer& tracer) { tracer_ = &tracer; }
  /// Likewise queries.
  void set_queries(query::QueryService& queries) { queries_ = &queries; }

  void value(const LiveValue& value);
  /// `event` is sent as it is, e.g. {"type":"presence",...}.
  void event(TenantId tenant, const boost::json::object& event);
  /// Likewise, to those that may see what is refused.
  void refusals(TenantId tenant, const boost::json::object& event);
  /// JPEG and PNG up to kMaxPictureBytes; others are left out. The newest of each channel is kept, and sent
  /// to a page when it subscribes to the channel.
  void picture(LivePicture picture);
  /// The device's pictures are not shown any more.
  void forget_pictures(TenantId tenant, const std::string& device) { pictures_.forget(tenant, device); }

  std::size_t page_count() const { return pages_.size(); }

 private:
  friend class LivePage;
  void flush();
  void flush_soon();

  Executor& executor_;
  hub::Tracer* tracer_ = nullptr;
  query::QueryService* queries_ = nullptr;
  std::set<LivePage*> pages_;
  NewestPictures pictures_;
  TimerId flush_timer_;
  metrics::Cell& open_pages_;
  metrics::Cell& frames_;
  metrics::Cell& thinned_;
};

class LivePage {
 public:
  LivePage(LiveFeed& feed, TenantId tenant, LiveSink& sink, LiveRights rights);
  ~LivePage();
  LivePage(const LivePage&) = delete;
  LivePage& operator=(const LivePage&) = delete;

  /// A text message of the page. What cannot be read is answered with {"type":"error"}; the page stays open.
  void on_request(std::string_view text);

 private:
  friend class LiveFeed;
  struct Wanted {
    std::uint32_t id = 0;
    std::string unit;
    std::size_t newest = kNone;  // its newest sample in pending_
    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  };
  void value(const LiveValue& value);
  void picture(const LivePicture& picture);
  void send(const LivePicture& picture);
  void flush();
  void flush_samples();
  void flush_owed();
  bool waits() const { return !pending_.empty() || !owed_.empty(); }
  void subscribe(const boost::json::value& wanted);
  void take_subscription(const boost::json::object& object);
  bool wants(const std::string& key) const;
  void announce(const LiveValue& value, Wanted& wanted);
  void send_event(const boost::json::object& event);

  LiveFeed& feed_;
  TenantId tenant_;
  LiveSink& sink_;
  LiveRights::Refusals refusals_;
  enum class Subscription { none, listed, all } subscription_ = Subscription::none;
  std::set<std::string> listed_;
  std::unordered_map<std::string, Wanted> series_;  // by device NUL channel
  std::vector<LiveSample> pending_;
  bool thinning_ = false;  // only the newest value of each series is kept until the next frame
  std::map<std::string, Instant> last_picture_;
  std::set<std::pair<std::string, std::string>> owed_;  // device and channel: kept pictures to be sent
  std::uint32_t next_id_ = 1;
  std::unique_ptr<LiveTrace> trace_;   // null: there is no tracer
  std::unique_ptr<LiveQueries> asks_;  // null: it may not
};

}  // namespace dunlin::transport
