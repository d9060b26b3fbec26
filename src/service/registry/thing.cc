#include "service/registry/thing.h"

#include <boost/json.hpp>

#include "base/time_text.h"

namespace dunlin::registry {
namespace {

std::string text_member(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

Result<void> check_attributes(const std::map<std::string, std::string>& attributes) {
  if (attributes.size() > kMaxAttributes)
    return fail(Errc::limit_exceeded, "a thing has at most 64 attributes");
  for (const auto& [name, value] : attributes) {
    if (name.empty() || name.size() > kMaxAttributeNameBytes || value.size() > kMaxAttributeValueBytes) {
      return fail(Errc::limit_exceeded, "an attribute's name has 1 to 128 bytes and its value at most 1024");
    }
  }
  return {};
}

boost::json::object to_json(const Thing& thing) {
  boost::json::object attributes;
  for (const auto& [name, value] : thing.attributes) attributes[name] = value;
  boost::json::object document{{"name", thing.name},
                               {"type", thing.type},
                               {"gateway", thing.gateway},
                               {"attributes", std::move(attributes)},
                               {"state", thing.state == Thing::State::enabled ? "enabled" : "disabled"},
                               {"created_at", format_rfc3339(thing.created_at)},
                               {"version", thing.version}};
  if (!thing.policies.empty()) document["policies"] = boost::json::parse(thing.policies);
  show_life(thing.life, document);
  return document;
}

boost::json::object stored_json(const Thing& thing) {
  boost::json::object document = to_json(thing);
  store_life(thing.life, document);
  return document;
}

Result<Thing> thing_from_json(std::string_view text) {
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(text, error);
  if (error || !document.is_object()) return fail(Errc::corrupt, "a stored thing is not a JSON object");
  const auto& object = document.get_object();
  Thing thing;
  thing.name = text_member(object, "name");
  if (thing.name.empty()) return fail(Errc::corrupt, "a stored thing has no name");
  thing.type = text_member(object, "type");
  thing.gateway = text_member(object, "gateway");
  thing.state = text_member(object, "state") == "disabled" ? Thing::State::disabled : Thing::State::enabled;
  if (auto created = parse_rfc3339(text_member(object, "created_at"))) thing.created_at = *created;
  DUNLIN_TRY(thing.life, life_of(object));
  if (const auto* policies = object.if_contains("policies"))
    thing.policies = boost::json::serialize(*policies);
  if (const auto* attributes = object.if_contains("attributes");
      attributes != nullptr && attributes->is_object()) {
    for (const auto& member : attributes->get_object()) {
      if (member.value().is_string()) thing.attributes[member.key()] = member.value().get_string();
    }
  }
  return thing;
}

}  // namespace dunlin::registry
