#include "service/shadow/document.h"

#include <algorithm>
#include <boost/json.hpp>

#include "model/json_fields.h"
#include "model/text.h"
#include "service/shadow/limits.h"

namespace dunlin::shadow {
namespace {

using boost::json::object;
using boost::json::value;

std::size_t depth_of(const value& node) {
  if (!node.is_object()) return 0;
  std::size_t deepest = 0;
  for (const auto& member : node.get_object()) deepest = std::max(deepest, depth_of(member.value()));
  return deepest + 1;
}

/// A part of the state together with the times of its leaves.
struct Part {
  object& state;
  object& metadata;
};

object& object_member(object& parent, std::string_view key) {
  value& member = parent[key];
  if (!member.is_object()) member = object{};
  return member.get_object();
}

/// The metadata of a value: {"timestamp"} for a leaf, the same shape for an object.
value stamp(const value& state, std::int64_t timestamp) {
  if (!state.is_object()) return object{{"timestamp", timestamp}};
  object stamped;
  for (const auto& member : state.get_object()) stamped[member.key()] = stamp(member.value(), timestamp);
  return stamped;
}

/// What is left of a value that is stored for the first time: members that are null delete nothing and are
/// dropped.
value without_nulls(const value& state) {
  if (!state.is_object()) return state;
  object kept;
  for (const auto& member : state.get_object()) {
    if (!member.value().is_null()) kept[member.key()] = without_nulls(member.value());
  }
  return kept;
}

void merge(Part into, const object& change, std::int64_t timestamp) {
  for (const auto& member : change) {
    const auto key = member.key();
    if (member.value().is_null()) {
      into.state.stable_erase(key);
      into.metadata.stable_erase(key);
      continue;
    }
    const value* present = into.state.if_contains(key);
    if (member.value().is_object() && present != nullptr && present->is_object()) {
      merge({into.state[key].get_object(), object_member(into.metadata, key)}, member.value().get_object(),
            timestamp);
      continue;
    }
    value fresh = without_nulls(member.value());
    into.metadata[key] = stamp(fresh, timestamp);
    into.state[key] = std::move(fresh);
  }
}

void change_part(Part part, const std::optional<value>& change, std::int64_t timestamp) {
  if (!change) return;
  if (change->is_null()) {
    part.state.clear();
    part.metadata.clear();
    return;
  }
  merge(part, change->get_object(), timestamp);
}

object difference(const object& desired, const object& reported) {
  object result;
  for (const auto& member : desired) {
    static const object kNothing;
    const value* other = reported.if_contains(member.key());
    if (member.value().is_object() && (other == nullptr || other->is_object())) {
      // An object without leaves wants nothing.
      object inner =
          difference(member.value().get_object(), other == nullptr ? kNothing : other->get_object());
      if (!inner.empty()) result[member.key()] = std::move(inner);
      continue;
    }
    // By value: devices print 21.0 where applications print 21.
    if (other == nullptr || !model::same_value(*other, member.value())) result[member.key()] = member.value();
  }
  return result;
}

object matching_metadata(const object& delta, const object& metadata) {
  object result;
  for (const auto& member : delta) {
    const value* stamped = metadata.if_contains(member.key());
    if (stamped == nullptr || !stamped->is_object()) continue;
    const bool leaf = !member.value().is_object();
    result[member.key()] =
        leaf ? *stamped : value(matching_metadata(member.value().get_object(), stamped->get_object()));
  }
  return result;
}

Result<std::optional<value>> parse_part(const object& state, std::string_view name) {
  const value* part = state.if_contains(name);
  if (part == nullptr) return std::optional<value>();
  if (!part->is_object() && !part->is_null()) {
    return fail(Errc::malformed, "\"state." + std::string(name) + "\" must be an object or null");
  }
  if (depth_of(*part) > kMaxDepth + 1)
    return fail(Errc::limit_exceeded, "the state is nested more than 8 objects deep");
  return std::optional<value>(*part);
}

object object_or_empty(const object& parent, std::string_view name) {
  const value* member = parent.if_contains(name);
  return member != nullptr && member->is_object() ? member->get_object() : object{};
}

}  // namespace

Result<Update> parse_update(std::string_view text) {
  if (text.size() > kMaxRequestBytes) return fail(Errc::limit_exceeded, "a shadow update has at most 16 KiB");
  boost::system::error_code error;
  const value document = boost::json::parse(text, error);
  if (error || !document.is_object()) return fail(Errc::malformed, "the payload is not a JSON object");
  const value* state = document.get_object().if_contains("state");
  if (state == nullptr || !state->is_object())
    return fail(Errc::malformed, "\"state\" is missing or not an object");
  for (const auto& member : state->get_object()) {
    if (member.key() != "desired" && member.key() != "reported") {
      return fail(Errc::malformed,
                  "\"state\" has no member \"" + std::string(member.key()) + "\", only desired and reported");
    }
  }
  Update update;
  DUNLIN_TRY(update.desired, parse_part(state->get_object(), "desired"));
  DUNLIN_TRY(update.reported, parse_part(state->get_object(), "reported"));
  if (!update.desired && !update.reported) {
    return fail(Errc::malformed, "\"state\" holds neither \"desired\" nor \"reported\"");
  }
  if (const value* version = document.get_object().if_contains("version");
      version != nullptr && !version->is_null()) {
    const auto number = model::optional_integer(document.get_object(), "version");
    if (!number || *number < 0) return fail(Errc::malformed, "\"version\" must be a whole number");
    update.version = static_cast<std::uint64_t>(*number);
  }
  const value* token = document.get_object().if_contains("clientToken");
  if (token != nullptr && (!token->is_string() || token->get_string().size() > kMaxClientTokenBytes)) {
    return fail(Errc::malformed, "\"clientToken\" must be a text of at most 64 bytes");
  }
  if (token != nullptr) update.client_token = token->get_string();
  return update;
}

std::string client_token_of(std::string_view request) {
  if (request.empty() || request.size() > kMaxRequestBytes) return {};
  boost::system::error_code error;
  const value document = boost::json::parse(request, error);
  if (error || !document.is_object()) return {};
  std::string token = model::optional_text(document.get_object(), "clientToken").value_or("");
  return token.size() <= kMaxClientTokenBytes ? token : std::string();
}

Result<void> Document::apply(const Update& update, std::int64_t timestamp) {
  if (update.version && *update.version != version_) {
    return fail(Errc::conflict, "the shadow has version " + std::to_string(version_) + " now");
  }
  Document next = *this;
  change_part({next.desired_, next.desired_metadata_}, update.desired, timestamp);
  change_part({next.reported_, next.reported_metadata_}, update.reported, timestamp);
  const std::size_t size =
      boost::json::serialize(next.desired_).size() + boost::json::serialize(next.reported_).size();
  if (size > kMaxDocumentBytes) return fail(Errc::limit_exceeded, "the shadow would be larger than 8 KiB");
  if (depth_of(next.desired_) > kMaxDepth + 1 || depth_of(next.reported_) > kMaxDepth + 1) {
    return fail(Errc::limit_exceeded, "the state is nested more than 8 objects deep");
  }
  next.version_ = version_ + 1;
  next.timestamp_ = timestamp;
  *this = std::move(next);
  return {};
}

std::optional<object> Document::delta() const {
  object result = difference(desired_, reported_);
  if (result.empty()) return std::nullopt;
  return result;
}

object Document::delta_metadata() const {
  return matching_metadata(delta().value_or(object{}), desired_metadata_);
}

object Document::to_json() const {
  object state;
  object metadata;
  if (!desired_.empty()) {
    state["desired"] = desired_;
    metadata["desired"] = desired_metadata_;
  }
  if (!reported_.empty()) {
    state["reported"] = reported_;
    metadata["reported"] = reported_metadata_;
  }
  if (auto difference = delta()) state["delta"] = *std::move(difference);
  return {{"state", std::move(state)},
          {"metadata", std::move(metadata)},
          {"version", version_},
          {"timestamp", timestamp_}};
}

std::string Document::to_stored() const {
  return boost::json::serialize(value{{"format", 1},
                                      {"desired", desired_},
                                      {"reported", reported_},
                                      {"desired_metadata", desired_metadata_},
                                      {"reported_metadata", reported_metadata_},
                                      {"version", version_},
                                      {"timestamp", timestamp_}});
}

Result<Document> Document::from_stored(std::string_view text) {
  boost::system::error_code error;
  const value stored = boost::json::parse(text, error);
  if (error || !stored.is_object()) return fail(Errc::corrupt, "a stored shadow is not a JSON object");
  const object& fields = stored.get_object();
  if (model::optional_integer(fields, "format") != 1)
    return fail(Errc::corrupt, "a stored shadow has an unknown format");
  Document document;
  document.desired_ = object_or_empty(fields, "desired");
  document.reported_ = object_or_empty(fields, "reported");
  document.desired_metadata_ = object_or_empty(fields, "desired_metadata");
  document.reported_metadata_ = object_or_empty(fields, "reported_metadata");
  document.version_ = static_cast<std::uint64_t>(model::optional_integer(fields, "version").value_or(0));
  document.timestamp_ = model::optional_integer(fields, "timestamp").value_or(0);
  return document;
}

Document Document::deleted(std::uint64_t last_version) {
  Document document;
  document.version_ = last_version + 1;
  return document;
}

}  // namespace dunlin::shadow
