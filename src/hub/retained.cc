#include "hub/retained.h"

#include "hub/record.h"
#include "hub/topic.h"

namespace dunlin::hub {
bool has_expired(const Message& message, WallTime now) {
  if (!message.properties || !message.properties->expiry_seconds) return false;
  return now - message.received_at >= std::chrono::seconds{*message.properties->expiry_seconds};
}

namespace {

/// A message as it is kept for long: topic and payload in one block of their own, however large the packet
/// was that they came in.
MessageRef compact(const Message& message) {
  auto kept = std::make_shared<Message>(message);
  const Slice body = Slice::concat(message.topic.view(), message.payload.view());
  kept->topic = body.sub(0, message.topic.size());
  kept->payload = body.sub(message.topic.size(), message.payload.size());
  return kept;
}

/// What the topics of all matches begin with: "a/#" matches "a" too, so the slash before a wildcard is left
/// out.
std::string_view prefix_of(std::string_view filter) {
  std::string_view prefix = filter.substr(0, filter.find_first_of("+#"));
  if (prefix.size() < filter.size() && prefix.ends_with('/')) prefix.remove_suffix(1);
  return prefix;
}

}  // namespace

RetainedStore::Stored RetainedStore::put(const MessageRef& message) {
  const TenantId tenant = message->principal ? message->principal->tenant : kDefaultTenant;
  RetainedTopics& topics = tenants_[tenant];
  const MessageRef* found = topics.find(message->topic.text());
  if (found != nullptr && (*found)->received_at > message->received_at) return Stored::stale;
  const std::string key = found == nullptr ? tenant_key(tenant, message->topic.text()) : std::string();
  if (found == nullptr && emptied_.is_newer(key, message->received_at)) return Stored::stale;
  const std::size_t old_size = found == nullptr ? 0 : body_bytes(**found);
  if (message->payload.empty()) {
    // While the journals are read what it removes may not have come yet.
    if (writer_.durable() && (found != nullptr || life_ == Life::loading))
      emptied_.add(tenant_key(tenant, message->topic.text()), message->received_at);
    if (found == nullptr) return Stored::removed;
    bytes_ -= old_size;
    --count_;
    topics.erase(message->topic.text());
    return Stored::removed;
  }
  if (found == nullptr && count_ >= limits_.retained_messages) return Stored::refused;
  if (found == nullptr && message->qos == QoS::at_most_once && is_behind()) return Stored::refused;
  if (bytes_ - old_size + body_bytes(*message) > limits_.retained_bytes) return Stored::refused;
  bytes_ += body_bytes(*message) - old_size;
  if (found == nullptr) {
    ++count_;
    emptied_.erase(key);
  }
  topics.put(compact(*message));
  return Stored::stored;
}

RetainedStore::Stored RetainedStore::store(const MessageRef& message) {
  const Stored result = put(message);
  // What the server says of itself is said anew after a restart.
  if (message->topic.text().starts_with("$SYS/")) return result;
  if (!writer_.durable() || (result != Stored::stored && result != Stored::removed)) return result;
  const TenantId tenant = message->principal ? message->principal->tenant : kDefaultTenant;
  std::string key = tenant_key(tenant, message->topic.text());
  // The row of a removal stays for a while, for the start after a crash.
  if (result == Stored::removed && !emptied_.has(key)) {
    writer_.put(store::Table::retained, std::move(key), std::nullopt);
    return result;
  }
  std::vector<std::uint8_t> value;
  encode_message(*message, nullptr, value);
  writer_.put(store::Table::retained, std::move(key), std::string(as_text(value)));
  return result;
}

Result<void> RetainedStore::load(const std::string& value) {
  MessageDecoder decoder;
  DUNLIN_TRY(DecodedMessage decoded, decoder.decode(Slice::copy_of(value)));
  put(std::make_shared<const Message>(std::move(decoded.message)));
  return {};
}

std::vector<MessageRef> RetainedStore::match(TenantId tenant, std::string_view filter, WallTime now) {
  std::vector<MessageRef> found;
  const auto topics = tenants_.find(tenant);
  if (topics == tenants_.end()) return found;
  const auto take = [&](const MessageRef& message) {
    if (!has_expired(*message, now)) found.push_back(message);
  };
  const RetainedTopics& all = topics->second;
  if (!has_wildcard(filter)) {
    if (const MessageRef* exact = all.find(filter)) take(*exact);
    return found;
  }
  const std::string_view prefix = prefix_of(filter);
  for (auto at = all.lower_bound(prefix); !all.at_end(at); at = all.next(at)) {
    const std::string_view topic = all[at]->topic.text();
    if (!topic.starts_with(prefix)) break;
    if (filter_matches(filter, topic)) take(all[at]);
  }
  return found;
}

void RetainedStore::forget_emptied(WallTime now) {
  for (std::string& key : emptied_.take_old(now))
    writer_.put(store::Table::retained, std::move(key), std::nullopt);
}

bool RetainedStore::has(TenantId tenant, std::string_view topic) const {
  const auto topics = tenants_.find(tenant);
  return topics != tenants_.end() && topics->second.find(topic) != nullptr;
}

RetainedStore::Walk RetainedStore::walk(TenantId tenant, std::string_view filter, WalkOptions options,
                                        WallTime now) const {
  Walk walk;
  const auto topics = tenants_.find(tenant);
  if (topics == tenants_.end()) return walk;
  const std::string_view prefix = prefix_of(filter);
  const RetainedTopics& all = topics->second;
  auto at = options.after < prefix || options.after.empty() ? all.lower_bound(prefix)
                                                            : all.upper_bound(options.after);
  for (; !all.at_end(at) && all[at]->topic.text().starts_with(prefix); at = all.next(at)) {
    if (walk.found.size() >= options.max_found || options.max_steps-- == 0) {
      walk.more = Walk::More::yes;
      return walk;
    }
    walk.last = all[at]->topic.text();
    const bool wanted = filter.empty() || filter_matches(filter, walk.last);
    if (wanted && !has_expired(*all[at], now)) walk.found.push_back(all[at]);
  }
  return walk;
}

}  // namespace dunlin::hub
