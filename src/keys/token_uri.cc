#include "keys/token_uri.h"

#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include <algorithm>
#include <memory>

#include "base/core/assert.h"
#include "keys/limits.h"
#include "keys/secret_source.h"

namespace dunlin::keys {
namespace {

struct FreeUri {
  void operator()(P11KitUri* uri) const { p11_kit_uri_free(uri); }
};
using UriHandle = std::unique_ptr<P11KitUri, FreeUri>;

/// Fixed fields of PKCS#11 are padded with blanks; zeros: not given.
template <std::size_t kSize>
std::string text_of(const unsigned char (&field)[kSize]) {
  std::string text(reinterpret_cast<const char*>(field), kSize);
  text.resize(std::min(text.size(), text.find('\0')));
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

std::string text_of(const char* given) {
  return given == nullptr ? std::string() : std::string(given);
}

std::unexpected<Error> refuse(std::string_view why) {
  return fail(Errc::invalid_argument, "the PKCS#11 URI " + std::string(why));
}

std::unexpected<Error> refuse_pin() {
  return refuse("holds a PIN: put it into a file and write pin-source=file:/PATH");
}

/// What would name something by which we do not look.
Result<void> check_unused(P11KitUri* uri) {
  if (p11_kit_uri_any_unrecognized(uri) != 0) return refuse("has an attribute that is not known");
  if (p11_kit_uri_get_pin_value(uri) != nullptr) return refuse_pin();
  if (p11_kit_uri_get_module_name(uri) != nullptr)
    return refuse("names a module by module-name: write its path as module-path=/PATH");
  const CK_INFO* library = p11_kit_uri_get_module_info(uri);
  const CK_SLOT_INFO* slot = p11_kit_uri_get_slot_info(uri);
  const CK_TOKEN_INFO* token = p11_kit_uri_get_token_info(uri);
  const bool more = library->manufacturerID[0] != 0 || library->libraryDescription[0] != 0 ||
                    slot->manufacturerID[0] != 0 || slot->slotDescription[0] != 0 ||
                    token->manufacturerID[0] != 0 || token->model[0] != 0 ||
                    p11_kit_uri_get_slot_id(uri) != static_cast<CK_SLOT_ID>(-1);
  if (more) return refuse("names the key by more than token, serial, object and id");
  return {};
}

Result<void> check_type(P11KitUri* uri) {
  const CK_ATTRIBUTE* type = p11_kit_uri_get_attribute(uri, CKA_CLASS);
  if (type == nullptr) return {};
  const bool is_private = type->ulValueLen == sizeof(CK_OBJECT_CLASS) &&
                          *static_cast<const CK_OBJECT_CLASS*>(type->pValue) == CKO_PRIVATE_KEY;
  if (!is_private) return refuse("names something else than a private key");
  return {};
}

}  // namespace

Result<TokenUri> parse_token_uri(std::string_view text) {
  if (text.size() > kMaxUriBytes)
    return fail(Errc::limit_exceeded, "a PKCS#11 URI has at most 1024 characters");
  const bool printable = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!text.starts_with(kTokenScheme) || !printable)
    return fail(Errc::invalid_argument, "not a PKCS#11 URI such as pkcs11:token=plant;object=gateway-7");
  // The library takes a '?' within a path for a part of it, and what follows then for no PIN.
  if (text.contains("pin-value=")) return refuse_pin();
  const UriHandle uri(p11_kit_uri_new());
  if (!uri || p11_kit_uri_parse(std::string(text).c_str(), P11_KIT_URI_FOR_ANY, uri.get()) != P11_KIT_URI_OK)
    return fail(Errc::invalid_argument, "the PKCS#11 URI does not follow RFC 7512");
  DUNLIN_CHECK(check_unused(uri.get()));
  DUNLIN_CHECK(check_type(uri.get()));
  TokenUri parsed;
  parsed.shown = text.substr(0, text.find('?'));
  parsed.token = text_of(p11_kit_uri_get_token_info(uri.get())->label);
  parsed.serial = text_of(p11_kit_uri_get_token_info(uri.get())->serialNumber);
  parsed.module_path = text_of(p11_kit_uri_get_module_path(uri.get()));
  parsed.pin_source = text_of(p11_kit_uri_get_pin_source(uri.get()));
  if (const CK_ATTRIBUTE* label = p11_kit_uri_get_attribute(uri.get(), CKA_LABEL))
    parsed.object.assign(static_cast<const char*>(label->pValue), label->ulValueLen);
  if (const CK_ATTRIBUTE* id = p11_kit_uri_get_attribute(uri.get(), CKA_ID)) {
    const auto* bytes = static_cast<const std::uint8_t*>(id->pValue);
    parsed.id.assign(bytes, bytes + id->ulValueLen);
  }
  if (!parsed.module_path.starts_with('/'))
    return refuse("must say by which module: ?module-path=/usr/lib/softhsm/libsofthsm2.so");
  if (parsed.token.empty() && parsed.serial.empty()) return refuse("must name a token: token= or serial=");
  if (!parsed.pin_source.empty()) DUNLIN_CHECK(check_secret_source(parsed.pin_source));
  return parsed;
}

std::string uri_of_object(std::string_view token_uri, std::string_view label) {
  DUNLIN_ASSERT(std::ranges::all_of(label, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  }));
  const std::size_t query = std::min(token_uri.find('?'), token_uri.size());
  return std::string(token_uri.substr(0, query)) + ";object=" + std::string(label) + ";type=private" +
         std::string(token_uri.substr(query));
}

}  // namespace dunlin::keys
