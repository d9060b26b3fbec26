#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

#include "keys/device_key.h"
#include "keys/limits.h"
#include "keys/openssl_parts.h"
#include "keys/token.h"

namespace dunlin::keys {
namespace {

using Bytes = std::vector<std::uint8_t>;

// DER of the curves' object identifiers (RFC 5480 section 2.1.1.1).
constexpr std::array<std::uint8_t, 10> kP256{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 7> kP384{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

Result<Curve> curve_of(const Bytes& parameters, const TokenUri& uri) {
  if (std::ranges::equal(parameters, kP256)) return Curve::p256;
  if (std::ranges::equal(parameters, kP384)) return Curve::p384;
  return fail(Errc::invalid_argument, "the key " + uri.shown + " is not on the curve P-256 or P-384");
}

/// CKA_EC_POINT holds the point in an OCTET STRING (PKCS #11 v2.40 section 2.3.3); some tokens leave that
/// out.
Bytes point_in(const Bytes& attribute) {
  const unsigned char* at = attribute.data();
  const Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> text(
      d2i_ASN1_OCTET_STRING(nullptr, &at, static_cast<long>(attribute.size())));
  ERR_clear_error();
  if (!text || at != attribute.data() + attribute.size()) return attribute;
  const unsigned char* bytes = ASN1_STRING_get0_data(text.get());
  return Bytes(bytes, bytes + ASN1_STRING_length(text.get()));
}

Result<CK_OBJECT_HANDLE> find_one(const TokenSession& session, CK_OBJECT_CLASS kind, const std::string& label,
                                  const TokenUri& uri, const Bytes& id) {
  DUNLIN_TRY(const auto found, session.find(kind, label, id));
  const std::string what = kind == CKO_PRIVATE_KEY ? "key " : "public half of the key ";
  if (found.empty()) return fail(Errc::not_found, "the token has no " + what + uri.shown);
  if (found.size() > 1)
    return fail(Errc::invalid_argument, "the token has more than one " + what + uri.shown + ": add id=");
  return found.front();
}

/// An open session and the key in it.
struct Opened {
  std::unique_ptr<TokenSession> session;
  CK_OBJECT_HANDLE key = 0;
};

Result<Opened> open_key(const TokenUri& uri) {
  if (uri.object.empty() && uri.id.empty())
    return fail(Errc::invalid_argument, uri.shown + " names no key: add object= or id=");
  Opened opened;
  DUNLIN_TRY(opened.session, TokenSession::open(uri, TokenSession::For::using_keys));
  DUNLIN_TRY(opened.key, find_one(*opened.session, CKO_PRIVATE_KEY, uri.object, uri, uri.id));
  return opened;
}

class TokenKey final : public DeviceKey {
 public:
  TokenKey(TokenUri uri, Opened opened, Curve curve, Bytes point)
      : uri_(std::move(uri)), curve_(curve), point_(std::move(point)), opened_(std::move(opened)) {}

  Curve curve() const override { return curve_; }
  const Bytes& public_point() const override { return point_; }

  Result<Bytes> sign(ByteView digest) override {
    return with_session([&](Bytes& out) { return sign_once(digest, out); }, "does not sign");
  }
  Result<Bytes> agree(ByteView peer_point) override {
    return with_session([&](Bytes& out) { return agree_once(peer_point, out); }, "agrees on no secret");
  }

 private:
  /// A session that the token has ended is opened again, once.
  template <class Once>
  Result<Bytes> with_session(Once once, std::string_view what) {
    const std::lock_guard lock(mutex_);
    Bytes out;
    CK_RV status = opened_.session ? once(out) : CKR_SESSION_CLOSED;
    if (is_session_lost(status)) {
      opened_ = {};
      DUNLIN_TRY(opened_, open_key(uri_));
      status = once(out);
    }
    if (status != CKR_OK)
      return std::unexpected(error_of(status, "the key " + uri_.shown + " " + std::string(what)));
    return out;
  }

  CK_RV sign_once(ByteView digest, Bytes& out) const {
    CK_FUNCTION_LIST& calls = opened_.session->calls();
    const CK_SESSION_HANDLE session = opened_.session->session();
    CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
    if (const CK_RV status = calls.C_SignInit(session, &mechanism, opened_.key); status != CKR_OK)
      return status;
    out.resize(2 * field_bytes(curve_));
    CK_ULONG length = out.size();
    const CK_RV status =
        calls.C_Sign(session, const_cast<std::uint8_t*>(digest.data()), digest.size(), out.data(), &length);
    return status == CKR_OK && length != out.size() ? CKR_FUNCTION_FAILED : status;
  }

  CK_RV agree_once(ByteView peer_point, Bytes& out) const {
    CK_FUNCTION_LIST& calls = opened_.session->calls();
    const CK_SESSION_HANDLE session = opened_.session->session();
    CK_ECDH1_DERIVE_PARAMS parameters{CKD_NULL, 0, nullptr, peer_point.size(),
                                      const_cast<std::uint8_t*>(peer_point.data())};
    CK_MECHANISM mechanism{CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
    CK_OBJECT_CLASS kind = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ULONG length = field_bytes(curve_);
    std::array<CK_ATTRIBUTE, 6> wanted{{{CKA_CLASS, &kind, sizeof kind},
                                        {CKA_KEY_TYPE, &type, sizeof type},
                                        {CKA_TOKEN, &no, sizeof no},
                                        {CKA_SENSITIVE, &no, sizeof no},
                                        {CKA_EXTRACTABLE, &yes, sizeof yes},
                                        {CKA_VALUE_LEN, &length, sizeof length}}};
    CK_OBJECT_HANDLE secret = 0;
    CK_RV status = calls.C_DeriveKey(session, &mechanism, opened_.key, wanted.data(), wanted.size(), &secret);
    if (status != CKR_OK) return status;
    out.resize(length);
    CK_ATTRIBUTE value{CKA_VALUE, out.data(), out.size()};
    status = calls.C_GetAttributeValue(session, secret, &value, 1);
    calls.C_DestroyObject(session, secret);
    return status == CKR_OK && value.ulValueLen != length ? CKR_FUNCTION_FAILED : status;
  }

  const TokenUri uri_;
  const Curve curve_;
  const Bytes point_;
  std::mutex mutex_;
  Opened opened_;  // guarded by mutex_; without a session: the last one was lost
};

Result<std::shared_ptr<DeviceKey>> open_token_key(std::string_view text) {
  DUNLIN_TRY(TokenUri uri, parse_token_uri(text));
  DUNLIN_TRY(Opened opened, open_key(uri));
  const TokenSession& session = *opened.session;
  DUNLIN_TRY(const Bytes parameters, session.attribute(opened.key, CKA_EC_PARAMS));
  DUNLIN_TRY(const Curve curve, curve_of(parameters, uri));
  // Only the public object shows the point; the two halves share their identifier.
  DUNLIN_TRY(const Bytes id, session.attribute(opened.key, CKA_ID));
  DUNLIN_TRY(const CK_OBJECT_HANDLE half,
             find_one(session, CKO_PUBLIC_KEY, id.empty() ? uri.object : std::string(), uri, id));
  DUNLIN_TRY(const Bytes point, session.attribute(half, CKA_EC_POINT));
  return std::make_shared<TokenKey>(std::move(uri), std::move(opened), curve, point_in(point));
}

/// Keys that are open, by URI: signing in and searching for each signature would take longer than signing.
/// Any thread.
class OpenKeys {
 public:
  static OpenKeys& instance() {
    // Never destroyed: at the end of a process modules go before us, and then know no sessions to close.
    static OpenKeys& keys = *new OpenKeys;  // NOLINT
    return keys;
  }
  Result<std::shared_ptr<DeviceKey>> get(std::string_view uri) {
    const std::lock_guard lock(mutex_);
    if (const auto found = keys_.find(uri); found != keys_.end()) return found->second;
    if (keys_.size() >= kMaxTokenKeys)
      return fail(Errc::limit_exceeded, "too many keys of tokens are open in this process");
    DUNLIN_TRY(auto key, open_token_key(uri));
    keys_.emplace(uri, key);
    return key;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<DeviceKey>, std::less<>> keys_;
};

}  // namespace

Result<std::shared_ptr<DeviceKey>> key_in_token(std::string_view uri) {
  return OpenKeys::instance().get(uri);
}

Result<std::string> make_key_in_token(std::string_view token_uri, std::string_view label, Rng& rng) {
  DUNLIN_TRY(const TokenUri uri, parse_token_uri(token_uri));
  if (!uri.object.empty() || !uri.id.empty())
    return fail(Errc::invalid_argument, "the URI must name a token, not a key: " + uri.shown);
  DUNLIN_TRY(const auto session, TokenSession::open(uri, TokenSession::For::making_keys));
  std::string name(label);
  DUNLIN_TRY(const auto same, session->find(CKO_PRIVATE_KEY, name, {}));
  if (!same.empty()) return fail(Errc::already_exists, "the token has a key " + name + " already");
  std::array<std::uint8_t, 16> id{};
  rng.fill(id);
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL no = CK_FALSE;
  auto parameters = kP256;
  std::array<CK_ATTRIBUTE, 5> open_half{{{CKA_TOKEN, &yes, sizeof yes},
                                         {CKA_VERIFY, &yes, sizeof yes},
                                         {CKA_EC_PARAMS, parameters.data(), parameters.size()},
                                         {CKA_ID, id.data(), id.size()},
                                         {CKA_LABEL, name.data(), name.size()}}};
  std::array<CK_ATTRIBUTE, 8> closed_half{{{CKA_TOKEN, &yes, sizeof yes},
                                           {CKA_PRIVATE, &yes, sizeof yes},
                                           {CKA_SENSITIVE, &yes, sizeof yes},
                                           {CKA_EXTRACTABLE, &no, sizeof no},
                                           {CKA_SIGN, &yes, sizeof yes},
                                           {CKA_DERIVE, &yes, sizeof yes},
                                           {CKA_ID, id.data(), id.size()},
                                           {CKA_LABEL, name.data(), name.size()}}};
  CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE open = 0;
  CK_OBJECT_HANDLE closed = 0;
  const CK_RV status =
      session->calls().C_GenerateKeyPair(session->session(), &mechanism, open_half.data(), open_half.size(),
                                         closed_half.data(), closed_half.size(), &open, &closed);
  if (status != CKR_OK)
    return std::unexpected(error_of(status, "the token of " + uri.shown + " makes no key"));
  return uri_of_object(token_uri, name);
}

}  // namespace dunlin::keys
