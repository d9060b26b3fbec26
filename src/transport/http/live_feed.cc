#include "transport/http/live_feed.h"

#include <boost/json.hpp>

#include "base/time_text.h"
#include "model/json_fields.h"
#include "model/text.h"
#include "transport/http/limits.h"

namespace dunlin::transport {
namespace {

std::string series_key(const std::string& device, const std::string& channel) {
  return device + '\0' + channel;
}

std::string_view picture_type(std::string_view bytes) {
  if (bytes.starts_with("\xff\xd8\xff")) return "image/jpeg";
  if (bytes.starts_with("\x89PNG")) return "image/png";
  return {};
}

}  // namespace

LiveFeed::LiveFeed(Executor& executor, metrics::Registry& metrics)
    : executor_(executor),
      open_pages_(metrics.gauge("dunlin_live_pages", "Open live pages")),
      frames_(metrics.counter("dunlin_live_frames_total", "Frames sent to live pages")),
      thinned_(metrics.counter("dunlin_live_samples_thinned_total",
                               "Samples that a slow page got only the newest of")) {}

LiveFeed::~LiveFeed() {
  executor_.cancel(flush_timer_);
}

std::unique_ptr<LivePage> LiveFeed::open(TenantId tenant, LiveSink& sink, LiveRights rights) {
  if (pages_.size() >= kMaxLivePages) return nullptr;
  auto page = std::make_unique<LivePage>(*this, tenant, sink, rights);
  return page;
}

void LiveFeed::value(const LiveValue& value) {
  for (LivePage* page : pages_) {
    if (page->tenant_ == value.tenant) page->value(value);
  }
  if (!pages_.empty()) flush_soon();
}

void LiveFeed::event(TenantId tenant, const boost::json::object& event) {
  for (LivePage* page : pages_) {
    if (page->tenant_ == tenant) page->send_event(event);
  }
}

void LiveFeed::refusals(TenantId tenant, const boost::json::object& event) {
  for (LivePage* page : pages_) {
    if (page->tenant_ == tenant && page->refusals_ == LiveRights::Refusals::shown) page->send_event(event);
  }
}

void LiveFeed::picture(LivePicture picture) {
  if (picture.bytes.size() > kMaxPictureBytes || picture_type(picture.bytes).empty()) return;
  for (LivePage* page : pages_) {
    if (page->tenant_ == picture.tenant) page->picture(picture);
  }
  pictures_.put(std::move(picture));
}

void LiveFeed::flush() {
  bool left = false;
  for (LivePage* page : pages_) {
    page->flush();
    left |= page->waits();
  }
  if (left) flush_soon();
}

void LiveFeed::flush_soon() {
  if (flush_timer_) return;
  flush_timer_ = executor_.schedule(kLiveInterval, [this] {
    flush_timer_ = {};
    flush();
  });
}

LivePage::LivePage(LiveFeed& feed, TenantId tenant, LiveSink& sink, LiveRights rights)
    : feed_(feed), tenant_(tenant), sink_(sink), refusals_(rights.refusals) {
  feed_.pages_.insert(this);
  feed_.open_pages_.set(static_cast<std::int64_t>(feed_.pages_.size()));
  if (feed_.queries_ != nullptr && rights.asker) {
    asks_ = std::make_unique<LiveQueries>(
        LiveQueries::Parts{feed_.executor_,
                           *feed_.queries_,
                           {rights.asker, {}},
                           [this](std::string text) { sink_.send_text(std::move(text)); },
                           [this] { return sink_.backlog() <= kMaxLiveBacklogBytes / 4; }});
  }
  if (feed_.tracer_ == nullptr) return;
  trace_ = std::make_unique<LiveTrace>(
      LiveTrace::Parts{feed_.executor_, *feed_.tracer_, tenant, rights.trace,
                       [this](const boost::json::object& event) { send_event(event); },
                       [this] { return sink_.backlog() <= kMaxLiveBacklogBytes; }});
}

LivePage::~LivePage() {
  feed_.pages_.erase(this);
  feed_.open_pages_.set(static_cast<std::int64_t>(feed_.pages_.size()));
}

void LivePage::send_event(const boost::json::object& event) {
  // Events are few and small; a page that does not even take those is cut off by the WebSocket's own limit.
  sink_.send_text(model::json_text(event));
}

bool LivePage::wants(const std::string& key) const {
  if (subscription_ == Subscription::all) return true;
  return subscription_ == Subscription::listed && listed_.contains(key);
}

void LivePage::announce(const LiveValue& value, Wanted& wanted) {
  wanted.unit = value.unit;
  send_event({{"type", "series"},
              {"id", wanted.id},
              {"device", value.device},
              {"channel", value.channel},
              {"unit", value.unit}});
}

void LivePage::value(const LiveValue& value) {
  const std::string key = series_key(value.device, value.channel);
  if (!wants(key)) return;
  auto found = series_.find(key);
  if (found == series_.end()) {
    if (series_.size() >= kMaxSeriesPerPage) return feed_.thinned_.add();
    found = series_.emplace(key, Wanted{next_id_++, {}, Wanted::kNone}).first;
    announce(value, found->second);
  } else if (found->second.unit != value.unit) {
    announce(value, found->second);
  }
  Wanted& wanted = found->second;
  const LiveSample sample{wanted.id, value.time_ms, value.value};
  thinning_ |= pending_.size() >= kMaxSamplesPerFrame;
  if (thinning_ && wanted.newest != Wanted::kNone) {
    feed_.thinned_.add();
    pending_[wanted.newest] = sample;
    return;
  }
  wanted.newest = pending_.size();
  pending_.push_back(sample);
}

void LivePage::flush() {
  flush_samples();
  flush_owed();
}

void LivePage::flush_samples() {
  if (pending_.empty()) return;
  if (sink_.backlog() > kMaxLiveBacklogBytes) {
    thinning_ = true;
    return;
  }
  sink_.send_binary(encode_samples(pending_));
  feed_.frames_.add();
  pending_.clear();
  thinning_ = false;
  for (auto& [key, wanted] : series_) wanted.newest = Wanted::kNone;
}

void LivePage::picture(const LivePicture& picture) {
  if (!wants(series_key(picture.device, picture.channel)) || sink_.backlog() > kMaxLiveBacklogBytes) return;
  const auto last = last_picture_.find(picture.device);
  if (last != last_picture_.end() && feed_.executor_.now() - last->second < kPictureInterval) return;
  send(picture);
}

void LivePage::send(const LivePicture& picture) {
  last_picture_.insert_or_assign(picture.device, feed_.executor_.now());
  owed_.erase({picture.device, picture.channel});
  send_event({{"type", "frame"},
              {"device", picture.device},
              {"channel", picture.channel},
              {"content_type", picture_type(picture.bytes)},
              {"at", format_rfc3339(picture.time)}});
  sink_.send_binary(encode_picture(picture.bytes));
  feed_.frames_.add();
}

/// The newest pictures of what the page has subscribed to, as far as it takes them now.
void LivePage::flush_owed() {
  while (!owed_.empty() && sink_.backlog() <= kMaxLiveBacklogBytes) {
    const auto owed = *owed_.begin();
    const LivePicture* picture = feed_.pictures_.find(tenant_, owed.first, owed.second);
    if (picture != nullptr) send(*picture);
    owed_.erase(owed);
  }
}

void LivePage::subscribe(const boost::json::value& wanted) {
  if (!wanted.is_object()) return;
  take_subscription(wanted.get_object());
  owed_.clear();
  feed_.pictures_.for_each(tenant_, [this](const LivePicture& picture) {
    if (wants(series_key(picture.device, picture.channel))) owed_.emplace(picture.device, picture.channel);
  });
  flush_owed();
  if (waits()) feed_.flush_soon();
}

void LivePage::take_subscription(const boost::json::object& object) {
  listed_.clear();
  if (model::optional_boolean(object, "all").value_or(false)) {
    subscription_ = Subscription::all;
    return;
  }
  subscription_ = Subscription::listed;
  const auto* series = object.if_contains("series");
  if (series == nullptr || !series->is_array()) return;
  for (const auto& entry : series->get_array()) {
    if (!entry.is_object() || listed_.size() >= kMaxSeriesPerPage) continue;
    const auto device = model::optional_text(entry.get_object(), "device");
    const auto channel = model::optional_text(entry.get_object(), "channel");
    if (device && channel) listed_.insert(series_key(*device, *channel));
  }
}

void LivePage::on_request(std::string_view text) {
  boost::system::error_code error;
  const boost::json::value request =
      text.size() <= kMaxLiveRequestBytes ? boost::json::parse(text, error) : boost::json::value();
  if (error || !request.is_object()) {
    return send_event(
        {{"type", "error"},
         {"message", "send {\"subscribe\": {\"all\": true}} or {\"subscribe\": {\"series\": [..]}}"}});
  }
  if (const auto* wanted = request.get_object().if_contains("subscribe")) subscribe(*wanted);
  if (const auto* wanted = request.get_object().if_contains("trace"); wanted != nullptr && trace_ != nullptr)
    trace_->on_request(*wanted);
  if (const auto* wanted = request.get_object().if_contains("query"); wanted != nullptr && asks_ != nullptr)
    asks_->start(*wanted);
  if (const auto* wanted = request.get_object().if_contains("cancel"); wanted != nullptr && asks_ != nullptr)
    asks_->cancel(*wanted);
  if (request.get_object().contains("ping")) send_event({{"type", "pong"}});
}

}  // namespace dunlin::transport
