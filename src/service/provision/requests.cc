#include "service/provision/requests.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/base64.h"
#include "model/json_fields.h"
#include "model/text.h"
#include "security/limits.h"
#include "security/names.h"
#include "service/provision/limits.h"
#include "service/registry/thing.h"

namespace dunlin::provision {
namespace {

namespace json = boost::json;

Result<json::object> read_object(std::string_view body, std::initializer_list<std::string_view> known) {
  if (body.size() > kMaxBodyBytes)
    return fail(Errc::limit_exceeded, "the body has more than " + std::to_string(kMaxBodyBytes) + " bytes");
  json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  json::error_code error;
  json::value value = json::parse(body, error, {}, options);
  if (error) return fail(Errc::malformed, "the body is not JSON: " + error.message());
  if (!value.is_object()) return fail(Errc::malformed, "the body must be a JSON object");
  for (const auto& member : value.get_object()) {
    if (std::ranges::find(known, std::string_view(member.key())) == known.end())
      return fail(Errc::invalid_argument,
                  "there is no field \"" + std::string(model::cut_text(member.key(), 64)) + "\"");
  }
  return std::move(value.get_object());
}

std::string quoted(std::string_view name) {
  return "\"" + std::string(name) + "\"";
}

/// A text of the object; without `least` bytes or with more than `most` it is refused, as is a control
/// character, except in PEM.
enum class Kind : std::uint8_t { line, pem };
Result<std::string> text_field(const json::object& object, std::string_view name, std::size_t least,
                               std::size_t most, Kind kind = Kind::line) {
  const auto* found = object.if_contains(name);
  if (found == nullptr && least == 0) return std::string();
  if (found == nullptr) return fail(Errc::invalid_argument, "the field " + quoted(name) + " is missing");
  if (!found->is_string())
    return fail(Errc::invalid_argument, "the field " + quoted(name) + " must be a text");
  const std::string_view text = found->get_string();
  if (text.size() < least || text.size() > most)
    return fail(Errc::invalid_argument, "the field " + quoted(name) + " must have " + std::to_string(least) +
                                            " to " + std::to_string(most) + " bytes");
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const bool clean = security::is_clean_utf8(text) || kind == Kind::pem;
  if (kind == Kind::line && (!clean || std::ranges::any_of(text, is_control)))
    return fail(Errc::invalid_argument, "the field " + quoted(name) + " holds a control character");
  return std::string(text);
}

Result<std::vector<std::string>> capabilities_of(const json::object& object) {
  std::vector<std::string> list;
  const auto* found = object.if_contains("capabilities");
  if (found == nullptr) return list;
  const auto refused = [] {
    return fail(Errc::invalid_argument,
                "the field \"capabilities\" must be a list of at most " + std::to_string(kMaxCapabilities) +
                    " texts of 1 to " + std::to_string(kMaxCapabilityBytes) +
                    " letters, digits and \"_.:-\", not more than 1024 bytes together");
  };
  if (!found->is_array() || found->get_array().size() > kMaxCapabilities) return refused();
  std::size_t bytes = 0;
  for (const auto& entry : found->get_array()) {
    if (!entry.is_string() || entry.get_string().size() > kMaxCapabilityBytes) return refused();
    const std::string_view text = entry.get_string();
    if (!security::check_thing_name(std::string("x") + std::string(text)) || text.empty()) return refused();
    bytes += text.size() + 1;
    list.emplace_back(text);
  }
  if (bytes > registry::kMaxAttributeValueBytes) return refused();
  return list;
}

Result<std::string> name_field(const json::object& object, std::string_view name, std::size_t least) {
  DUNLIN_TRY(const std::string text, text_field(object, name, least, security::kMaxThingName));
  if (!text.empty()) DUNLIN_CHECK(security::check_thing_name(text));
  return text;
}

Result<std::optional<GroupProof>> group_of(const json::object& object) {
  std::optional<GroupProof> none;
  if (!object.contains("group")) return none;
  GroupProof proof;
  DUNLIN_TRY(proof.group, name_field(object, "group", 1));
  DUNLIN_TRY(proof.registration_id, name_field(object, "registration_id", 1));
  DUNLIN_TRY(proof.signature, text_field(object, "signature", 1, kMaxTextBytes));
  const auto expires = model::optional_integer(object, "expires");
  if (!expires) return fail(Errc::invalid_argument, "the field \"expires\" must be Unix time in seconds");
  proof.expires = *expires;
  return std::optional(std::move(proof));
}

}  // namespace

std::map<std::string, std::string> Registration::attributes() const {
  std::string joined;
  for (const std::string& capability : capabilities) joined += (joined.empty() ? "" : ",") + capability;
  return {{"firmware_version", firmware_version}, {"model", model}, {"capabilities", std::move(joined)}};
}

Result<Registration> read_registration(std::string_view body) {
  DUNLIN_TRY(const json::object object,
             read_object(body, {"device_id", "firmware_version", "model", "capabilities", "certificate"}));
  Registration registration;
  DUNLIN_TRY(registration.device_id, name_field(object, "device_id", 1));
  DUNLIN_TRY(registration.firmware_version, text_field(object, "firmware_version", 1, kMaxTextBytes));
  DUNLIN_TRY(registration.model, text_field(object, "model", 1, kMaxTextBytes));
  DUNLIN_TRY(registration.capabilities, capabilities_of(object));
  DUNLIN_TRY(registration.certificate_pem, text_field(object, "certificate", 1, kMaxBodyBytes, Kind::pem));
  return registration;
}

Result<EnrolRequest> read_enrol_request(std::string_view body) {
  DUNLIN_TRY(const json::object object, read_object(body, {"code", "csr", "device_id", "group",
                                                           "registration_id", "expires", "signature"}));
  EnrolRequest request;
  DUNLIN_TRY(std::string code, text_field(object, "code", 0, kMaxTextBytes));
  request.code = security::Secret(std::move(code));
  DUNLIN_TRY(request.group, group_of(object));
  if (!request.code.empty() && request.group)
    return fail(Errc::invalid_argument, "send a code or a group's signature, not both");
  DUNLIN_TRY(request.csr,
             text_field(object, "csr", request.group ? 0 : 1, security::kMaxCsrBytes, Kind::pem));
  DUNLIN_TRY(request.device_id, name_field(object, "device_id", 0));
  return request;
}

Result<std::string> read_est_body(std::string_view body) {
  if (body.size() > kMaxBodyBytes)
    return fail(Errc::limit_exceeded, "the body has more than " + std::to_string(kMaxBodyBytes) + " bytes");
  std::string text;
  text.reserve(body.size());
  std::ranges::copy_if(body, std::back_inserter(text),
                       [](char c) { return c != '\r' && c != '\n' && c != ' ' && c != '\t'; });
  const auto bytes = from_base64(text);
  if (!bytes || bytes->empty())
    return fail(Errc::malformed, "the body must be a certificate request (PKCS#10) in base64");
  return std::string(as_text(*bytes));
}

Result<BasicCredentials> read_basic(std::string_view header) {
  const auto refused = [] { return fail(Errc::malformed, "the Authorization field is not Basic"); };
  constexpr std::string_view kScheme = "basic ";
  if (header.size() <= kScheme.size() || header.size() > security::kMaxSecretBytes) return refused();
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = header[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != kScheme[i]) return refused();
  }
  const auto bytes = from_base64(header.substr(kScheme.size()));
  if (!bytes) return refused();
  const std::string_view text = as_text(*bytes);
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return refused();
  return BasicCredentials{std::string(text.substr(0, colon)),
                          security::Secret(std::string(text.substr(colon + 1)))};
}

}  // namespace dunlin::provision
