#include "keys/token.h"

#include <openssl/crypto.h>
#include <p11-kit/p11-kit.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <set>

#include "keys/limits.h"
#include "keys/secret_source.h"

namespace dunlin::keys {
namespace {

/// A module is initialised once in a process, whoever uses it, and a token counts wrong PINs over all of
/// them: so this is the process's. Any thread.
class Modules {
 public:
  static Modules& instance() {
    static Modules& modules = *new Modules;  // never destroyed, as the keys that use them (NOLINT)
    return modules;
  }

  Result<CK_FUNCTION_LIST*> get(const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (const auto found = loaded_.find(path); found != loaded_.end()) return found->second;
    if (loaded_.size() >= kMaxModules) return fail(Errc::limit_exceeded, "too many PKCS#11 modules");
    CK_FUNCTION_LIST* module = p11_kit_module_load(path.c_str(), 0);
    if (module == nullptr) return fail(Errc::not_found, "the PKCS#11 module " + path + " cannot be loaded");
    if (const CK_RV status = p11_kit_module_initialize(module); status != CKR_OK) {
      p11_kit_module_release(module);
      return std::unexpected(error_of(status, "the PKCS#11 module " + path + " does not start"));
    }
    loaded_[path] = module;
    return module;
  }

  bool was_refused(const std::string& token) {
    const std::lock_guard lock(mutex_);
    return refused_.contains(token);
  }
  void note_refused(const std::string& token) {
    const std::lock_guard lock(mutex_);
    if (refused_.size() < kMaxTokenKeys) refused_.insert(token);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, CK_FUNCTION_LIST*> loaded_;
  std::set<std::string> refused_;  // tokens that did not take the PIN
};

template <std::size_t kSize>
std::string padded_text(const unsigned char (&field)[kSize]) {
  std::string text(reinterpret_cast<const char*>(field), kSize);
  while (text.ends_with(' ') || text.ends_with('\0')) text.pop_back();
  return text;
}

struct FoundToken {
  CK_SLOT_ID slot = 0;
  CK_TOKEN_INFO info{};
};

Result<FoundToken> find_token(CK_FUNCTION_LIST& calls, const TokenUri& uri) {
  std::array<CK_SLOT_ID, kMaxSlots> slots{};
  CK_ULONG count = slots.size();
  if (const CK_RV status = calls.C_GetSlotList(CK_TRUE, slots.data(), &count); status != CKR_OK)
    return std::unexpected(error_of(status, "the PKCS#11 module lists no tokens"));
  std::vector<FoundToken> found;
  for (CK_ULONG i = 0; i < count; ++i) {
    FoundToken one{.slot = slots[i]};
    if (calls.C_GetTokenInfo(one.slot, &one.info) != CKR_OK) continue;
    const bool fits = (uri.token.empty() || uri.token == padded_text(one.info.label)) &&
                      (uri.serial.empty() || uri.serial == padded_text(one.info.serialNumber));
    if (fits && (one.info.flags & CKF_TOKEN_INITIALIZED) != 0) found.push_back(one);
  }
  if (found.empty()) return fail(Errc::not_found, "there is no token as in " + uri.shown);
  if (found.size() > 1)
    return fail(Errc::invalid_argument, "more than one token is named by " + uri.shown + ": add serial=");
  return found.front();
}

Result<void> sign_in(CK_FUNCTION_LIST& calls, CK_SESSION_HANDLE session, const TokenUri& uri) {
  const std::string token = uri.module_path + "\n" + uri.token + "\n" + uri.serial;
  if (Modules::instance().was_refused(token))
    return fail(Errc::permission_denied,
                "the token of " + uri.shown +
                    " has refused the PIN before: it is not tried again, lest the token locks itself");
  if (uri.pin_source.empty())
    return fail(Errc::invalid_argument,
                "the token of " + uri.shown + " wants a PIN: add &pin-source=file:/PATH (or env:NAME)");
  DUNLIN_TRY(std::string pin, read_secret(uri.pin_source, "PIN of " + uri.shown));
  const CK_RV status = calls.C_Login(session, CKU_USER, reinterpret_cast<CK_UTF8CHAR_PTR>(pin.data()),
                                     static_cast<CK_ULONG>(pin.size()));
  OPENSSL_cleanse(pin.data(), pin.size());
  if (status == CKR_OK || status == CKR_USER_ALREADY_LOGGED_IN) return {};
  const Error error = error_of(status, "the token of " + uri.shown + " does not let us in");
  if (error.code == Errc::permission_denied) Modules::instance().note_refused(token);
  return std::unexpected(error);
}

}  // namespace

Error error_of(CK_RV status, std::string_view what) {
  const std::string text = std::string(what) + ": " + p11_kit_strerror(status);
  switch (status) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_EXPIRED:
    case CKR_PIN_LOCKED:
      return {Errc::permission_denied, text};
    case CKR_MECHANISM_INVALID:
    case CKR_KEY_FUNCTION_NOT_PERMITTED:
    case CKR_KEY_TYPE_INCONSISTENT:
      return {Errc::unsupported, text};
    case CKR_TOKEN_WRITE_PROTECTED:
      return {Errc::permission_denied, text};
    default:
      return {Errc::unavailable, text};
  }
}

bool is_session_lost(CK_RV status) {
  switch (status) {
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_KEY_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_DEVICE_REMOVED:
    case CKR_DEVICE_ERROR:
    case CKR_TOKEN_NOT_PRESENT:
      return true;
    default:
      return false;
  }
}

Result<std::unique_ptr<TokenSession>> TokenSession::open(const TokenUri& uri, For purpose) {
  DUNLIN_TRY(CK_FUNCTION_LIST * calls, Modules::instance().get(uri.module_path));
  DUNLIN_TRY(const FoundToken token, find_token(*calls, uri));
  CK_SESSION_HANDLE handle = 0;
  const CK_FLAGS flags = CKF_SERIAL_SESSION | (purpose == For::making_keys ? CKF_RW_SESSION : 0);
  if (const CK_RV status = calls->C_OpenSession(token.slot, flags, nullptr, nullptr, &handle);
      status != CKR_OK)
    return std::unexpected(error_of(status, "the token of " + uri.shown + " opens no session"));
  // The constructor is private: make_unique cannot reach it.
  std::unique_ptr<TokenSession> session(new TokenSession(calls, handle));  // NOLINT
  if ((token.info.flags & CKF_LOGIN_REQUIRED) != 0) DUNLIN_CHECK(sign_in(*calls, handle, uri));
  return session;
}

TokenSession::~TokenSession() {
  calls_->C_CloseSession(session_);
}

Result<std::vector<CK_OBJECT_HANDLE>> TokenSession::find(CK_OBJECT_CLASS kind, const std::string& label,
                                                         const std::vector<std::uint8_t>& id) const {
  // PKCS#11 takes everything by pointers to what it does not change.
  std::vector<CK_ATTRIBUTE> wanted{{CKA_CLASS, &kind, sizeof kind}};
  if (!label.empty()) wanted.push_back({CKA_LABEL, const_cast<char*>(label.data()), label.size()});
  if (!id.empty()) wanted.push_back({CKA_ID, const_cast<std::uint8_t*>(id.data()), id.size()});
  CK_RV status = calls_->C_FindObjectsInit(session_, wanted.data(), wanted.size());
  if (status != CKR_OK) return std::unexpected(error_of(status, "the token does not search"));
  std::array<CK_OBJECT_HANDLE, 2> handles{};
  CK_ULONG count = 0;
  status = calls_->C_FindObjects(session_, handles.data(), handles.size(), &count);
  calls_->C_FindObjectsFinal(session_);
  if (status != CKR_OK) return std::unexpected(error_of(status, "the token does not search"));
  return std::vector<CK_OBJECT_HANDLE>(handles.begin(), handles.begin() + static_cast<long>(count));
}

Result<std::vector<std::uint8_t>> TokenSession::attribute(CK_OBJECT_HANDLE object,
                                                          CK_ATTRIBUTE_TYPE type) const {
  std::vector<std::uint8_t> value(kMaxUriBytes);
  CK_ATTRIBUTE asked{type, value.data(), value.size()};
  const CK_RV status = calls_->C_GetAttributeValue(session_, object, &asked, 1);
  if (status == CKR_ATTRIBUTE_TYPE_INVALID || status == CKR_ATTRIBUTE_SENSITIVE)
    return std::vector<std::uint8_t>{};
  if (status != CKR_OK) return std::unexpected(error_of(status, "the token does not show the key"));
  value.resize(asked.ulValueLen);
  return value;
}

}  // namespace dunlin::keys
