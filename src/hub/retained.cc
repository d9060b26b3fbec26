#include "hub/retained.h"

#include "hub/record.h"
#include "hub/topic.h"

namespace dunlin::hub {
bool has_expired(const Message& message, WallTime now) {
  if (!message.properties || !message.properties->expiry_seconds) return false;
  return now - message.received_at >= std::chrono::seconds{*message.properties->expiry_seconds};
}

RetainedStore::Stored RetainedStore::put(const MessageRef& message) {
  Topics& topics = tenants_[message->principal ? message->principal->tenant : kDefaultTenant];
  const auto found = topics.find(message->topic.text());
  if (found != topics.end() && found->second->received_at > message->received_at) return Stored::stale;
  if (message->payload.empty()) {
    if (found == topics.end()) return Stored::removed;
    bytes_ -= body_bytes(*found->second);
    --count_;
    topics.erase(found);
    return Stored::removed;
  }
  const std::size_t old_size = found == topics.end() ? 0 : body_bytes(*found->second);
  if (found == topics.end() && count_ >= limits_.retained_messages) return Stored::refused;
  if (bytes_ - old_size + body_bytes(*message) > limits_.retained_bytes) return Stored::refused;
  bytes_ += body_bytes(*message) - old_size;
  if (found != topics.end()) {
    found->second = message;
    return Stored::stored;
  }
  ++count_;
  topics.emplace(std::string(message->topic.text()), message);
  return Stored::stored;
}

RetainedStore::Stored RetainedStore::store(const MessageRef& message) {
  const Stored result = put(message);
  // What the server says of itself is said anew after a restart.
  if (message->topic.text().starts_with("$SYS/")) return result;
  if (!writer_.durable() || (result != Stored::stored && result != Stored::removed)) return result;
  const TenantId tenant = message->principal ? message->principal->tenant : kDefaultTenant;
  std::string key = tenant_key(tenant, message->topic.text());
  if (result == Stored::removed) {
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
  const std::size_t wildcard = filter.find_first_of("+#");
  if (wildcard == std::string_view::npos) {
    if (const auto exact = topics->second.find(filter); exact != topics->second.end()) take(exact->second);
    return found;
  }
  // "a/#" matches "a" too, so the common prefix of all matches leaves out the slash before the wildcard.
  std::string_view prefix = filter.substr(0, wildcard);
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  for (auto at = topics->second.lower_bound(prefix); at != topics->second.end(); ++at) {
    if (!std::string_view(at->first).starts_with(prefix)) break;
    if (filter_matches(filter, at->first)) take(at->second);
  }
  return found;
}

RetainedStore::Walk RetainedStore::walk(TenantId tenant, std::string_view filter, WalkOptions options,
                                        WallTime now) const {
  Walk walk;
  const auto topics = tenants_.find(tenant);
  if (topics == tenants_.end()) return walk;
  std::string_view prefix = filter.substr(0, filter.find_first_of("+#"));
  if (prefix.size() < filter.size() && prefix.ends_with('/')) prefix.remove_suffix(1);
  const Topics& all = topics->second;
  auto at = options.after < prefix || options.after.empty() ? all.lower_bound(prefix)
                                                            : all.upper_bound(options.after);
  for (; at != all.end() && std::string_view(at->first).starts_with(prefix); ++at) {
    if (walk.found.size() >= options.max_found || options.max_steps-- == 0) {
      walk.more = Walk::More::yes;
      return walk;
    }
    walk.last = at->first;
    const bool wanted = filter.empty() || filter_matches(filter, at->first);
    if (wanted && !has_expired(*at->second, now)) walk.found.push_back(at->second);
  }
  return walk;
}

}  // namespace dunlin::hub
