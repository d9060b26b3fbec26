#include "fleet/shadow_agent.h"

#include <boost/json.hpp>

#include "fleet/limits.h"

namespace dunlin::fleet {
namespace {

namespace json = boost::json;

const json::object* member_object(const json::object& object, std::string_view name) {
  const json::value* member = object.if_contains(name);
  return member == nullptr ? nullptr : member->if_object();
}

std::vector<Wish> wishes_of(const json::object& state) {
  std::vector<Wish> wishes;
  for (const auto& member : state) {
    const std::string name(member.key());
    if (const bool* flag = member.value().if_bool()) {
      wishes.push_back({name, *flag});
    } else if (member.value().is_number()) {
      wishes.push_back({name, member.value().to_number<double>()});
    }
  }
  return wishes;
}

}  // namespace

Result<std::vector<Wish>> ShadowAgent::take(std::string_view topic, std::string_view payload) {
  const bool is_delta = topic == prefix_ + "update/delta";
  if (!is_delta && topic != prefix_ + "get/accepted")
    return fail(Errc::not_found, "not a topic of the shadow");
  if (payload.size() > kMaxShadowBytes) return fail(Errc::limit_exceeded, "the shadow message is too long");
  boost::system::error_code error;
  const json::value document = json::parse(payload, error);
  const json::object* whole = error ? nullptr : document.if_object();
  const json::object* state = whole == nullptr ? nullptr : member_object(*whole, "state");
  if (state == nullptr) return fail(Errc::malformed, "the shadow message holds no state");
  if (const json::value* version = whole->if_contains("version"); version != nullptr && version->is_int64()) {
    const auto number = static_cast<std::uint64_t>(version->get_int64());
    if (number < version_) return std::vector<Wish>{};
    version_ = number;
  }
  if (!is_delta) state = member_object(*state, "delta");
  return state == nullptr ? std::vector<Wish>{} : wishes_of(*state);
}

std::string ShadowAgent::report(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string text = R"({"state":{"reported":{)";
  for (const auto& [name, value] : members) {
    if (text.back() != '{') text += ',';
    text += json::serialize(json::string(name)) + ":" + value;
  }
  return text + "}}}";
}

}  // namespace dunlin::fleet
