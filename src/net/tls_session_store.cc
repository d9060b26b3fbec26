#include "net/tls_session_store.h"

#include <openssl/asn1.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/limits.h"
#include "net/x509_read.h"

namespace dunlin::net {

namespace {

using Bytes = TlsSessionStore::Bytes;

// OpenSSL's own form, the one that i2d_SSL_SESSION documents nowhere but keeps: a sequence in which the
// peer's certificate has this tag.
constexpr int kPeerTag = 3;

Bytes serialise(const SSL_SESSION& session) {
  Bytes bytes(static_cast<std::size_t>(std::max(i2d_SSL_SESSION(&session, nullptr), 0)));
  std::uint8_t* out = bytes.data();
  if (!bytes.empty()) i2d_SSL_SESSION(&session, &out);
  return bytes;
}

struct Element {
  int tag = 0;
  bool is_context_specific = false;
  std::span<const std::uint8_t> whole;
  std::span<const std::uint8_t> content;
};

/// The first element; one without bytes where there is none.
Element first_element(std::span<const std::uint8_t> der) {
  const std::uint8_t* at = der.data();
  long length = 0;
  int tag = 0;
  int tag_class = 0;
  if (der.empty()) return {};
  constexpr int kError = 0x80;
  const int status = ASN1_get_object(&at, &length, &tag, &tag_class, static_cast<long>(der.size()));
  if ((status & kError) != 0) return {};
  const auto header = static_cast<std::size_t>(at - der.data());
  const auto size = static_cast<std::size_t>(length);
  return {tag, tag_class == V_ASN1_CONTEXT_SPECIFIC, der.first(header + size), der.subspan(header, size)};
}

Bytes sequence_of(const Bytes& content) {
  const int size = static_cast<int>(content.size());
  Bytes sequence(static_cast<std::size_t>(ASN1_object_size(1, size, V_ASN1_SEQUENCE)));
  std::uint8_t* out = sequence.data();
  ASN1_put_object(&out, 1, size, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
  std::ranges::copy(content, out);
  return sequence;
}

/// The session without the certificate, and the certificate. A form that is not understood stays whole.
TlsSessionStore::Kept take_apart(const SSL_SESSION& session) {
  Bytes whole = serialise(session);
  TlsSessionStore::Kept kept;
  Bytes rest;
  for (auto left = first_element(whole).content; !left.empty();) {
    const Element next = first_element(left);
    if (next.whole.empty()) return {std::move(whole), {}};
    const bool is_peer = next.is_context_specific && next.tag == kPeerTag;
    if (is_peer) kept.certificate.der.assign(next.content.begin(), next.content.end());
    if (!is_peer) rest.insert(rest.end(), next.whole.begin(), next.whole.end());
    left = left.subspan(next.whole.size());
  }
  if (kept.certificate.der.empty()) return {std::move(whole), {}};
  if (const X509* peer = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(&session)))
    kept.certificate.not_after = time_of(X509_get0_notAfter(peer)).value_or(WallTime{});
  kept.session = sequence_of(rest);
  return kept;
}

}  // namespace

// The ids are random, and only the server's own ones are in the table.
std::size_t TlsSessionStore::IdHash::operator()(const Id& id) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, id.data(), sizeof hash);
  return hash;
}

TlsSessionStore::Id TlsSessionStore::to_id(std::span<const std::uint8_t> id) {
  Id padded{};
  std::ranges::copy(id.first(std::min(id.size(), padded.size())), padded.begin());
  return padded;
}

TlsSessionStore::Kept TlsSessionStore::copy_of(const Entry& entry) {
  if (entry.shared == nullptr) return entry.copy;
  Kept copy = take_apart(*entry.shared);
  if (copy.certificate.der.empty()) copy.certificate = entry.copy.certificate;
  return copy;
}

bool TlsSessionStore::put(std::span<const std::uint8_t> id, SslSessionPointer session,
                          SessionCertificate resumed) {
  if (id.empty() || id.size() > Id{}.size()) return false;
  const std::scoped_lock lock(mutex_);
  const auto [place, fresh] =
      sessions_.insert_or_assign(to_id(id), Entry{std::move(session), {{}, std::move(resumed)}});
  if (fresh) by_age_.push_back(&place->first);
  if (by_age_.size() <= kMaxTlsSessions) return true;
  const Id oldest = *by_age_.front();
  by_age_.pop_front();
  sessions_.erase(oldest);
  return true;
}

TlsSessionStore::Kept TlsSessionStore::get(std::span<const std::uint8_t> id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = sessions_.find(to_id(id));
  return found == sessions_.end() ? Kept{} : copy_of(found->second);
}

void TlsSessionStore::let_go(const ssl_session_st& session) {
  unsigned length = 0;
  const std::uint8_t* id = SSL_SESSION_get_id(&session, &length);
  const std::scoped_lock lock(mutex_);
  const auto found = sessions_.find(to_id({id, length}));
  if (found == sessions_.end() || found->second.shared.get() != &session) return;
  found->second = Entry{nullptr, copy_of(found->second)};
}

std::size_t TlsSessionStore::size() const {
  const std::scoped_lock lock(mutex_);
  return sessions_.size();
}

}  // namespace dunlin::net
