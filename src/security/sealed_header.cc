#include "security/sealed_header.h"

#include <algorithm>
#include <array>

#include "security/limits.h"

namespace dunlin::security {
namespace {

// Tags of DER (X.690).
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kOctets = 0x04;
constexpr std::uint8_t kObject = 0x06;
constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kSet = 0x31;
constexpr std::uint8_t kExplicit0 = 0xa0;
constexpr std::uint8_t kExplicit1 = 0xa1;
constexpr std::uint8_t kImplicit0 = 0x80;
constexpr std::uint8_t kKeyAgreement = 0xa1;  // RecipientInfo, RFC 5652 section 6.2
constexpr std::uint8_t kSymmetric = 0xa2;

constexpr std::array<std::uint8_t, 11> kAuthEnvelopedData{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
                                                          0x01, 0x09, 0x10, 0x01, 0x17};
constexpr std::array<std::uint8_t, 9> kData{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};
constexpr std::array<std::uint8_t, 9> kAes256Gcm{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e};
constexpr std::array<std::uint8_t, 9> kAes256Wrap{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d};
constexpr std::size_t kNonceBytes = 12;  // RFC 5084 section 3.2
constexpr std::size_t kTagBytes = 16;

/// What is left of a value's content. Every take() leaves it behind what was taken.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }
  bool is(std::uint8_t tag) const { return !rest_.empty() && rest_[0] == tag; }

  /// The content of the next value, whose length is definite. Errors: malformed.
  Result<ByteView> take(std::uint8_t tag) {
    if (!is(tag) || rest_.size() < 2) return broken();
    std::size_t length = rest_[1];
    std::size_t head = 2;
    if (length >= 0x80) {
      const std::size_t digits = length & 0x7fU;
      if (digits < 1 || digits > 4 || rest_.size() < 2 + digits) return broken();
      length = 0;
      for (std::size_t i = 0; i < digits; ++i) length = (length << 8U) | rest_[2 + i];
      head += digits;
    }
    if (length > rest_.size() - head) return broken();
    const ByteView content = rest_.subspan(head, length);
    rest_ = rest_.subspan(head + length);
    return content;
  }
  static std::unexpected<Error> broken() {
    return fail(Errc::malformed, "not a sealed blob: CMS AuthEnvelopedData in DER");
  }

 private:
  ByteView rest_;
};

/// GCMParameters, RFC 5084 section 3.2.
Result<void> check_cipher(ByteView algorithm) {
  Reader parts(algorithm);
  DUNLIN_TRY(const ByteView kind, parts.take(kObject));
  DUNLIN_TRY(const ByteView parameters, parts.take(kSequence));
  Reader gcm(parameters);
  DUNLIN_TRY(const ByteView nonce, gcm.take(kOctets));
  DUNLIN_TRY(const ByteView tag_bytes, gcm.take(kInteger));
  const bool whole = nonce.size() == kNonceBytes && tag_bytes.size() == 1 && tag_bytes[0] == kTagBytes;
  if (std::ranges::equal(kind, kAes256Gcm) && whole && parts.at_end() && gcm.at_end()) return {};
  return fail(Errc::malformed,
              "the blob is not sealed with AES-256-GCM, a nonce of 12 bytes and a tag of 16");
}

/// RFC 3394. Of the wrapping with padding (RFC 5649) OpenSSL 3.0 writes eight bytes behind what it has
/// allocated when the key is wrong (CRYPTO_128_unwrap_pad wants room for all that goes in, CMS has only that
/// of what comes out).
Result<void> check_wrapping(ByteView algorithm) {
  Reader parts(algorithm);
  DUNLIN_TRY(const ByteView kind, parts.take(kObject));
  if (std::ranges::equal(kind, kAes256Wrap)) return {};
  return fail(Errc::malformed, "the blob's key is not wrapped by AES-256 without padding");
}

/// KeyAgreeRecipientInfo, RFC 5652 section 6.2.2.
Result<void> check_agreement(ByteView recipient) {
  Reader parts(recipient);
  DUNLIN_CHECK(parts.take(kInteger));
  DUNLIN_CHECK(parts.take(kExplicit0));
  if (parts.is(kExplicit1)) DUNLIN_CHECK(parts.take(kExplicit1));
  DUNLIN_TRY(const ByteView scheme, parts.take(kSequence));
  Reader inside(scheme);
  DUNLIN_CHECK(inside.take(kObject));
  DUNLIN_TRY(const ByteView wrapping, inside.take(kSequence));
  return check_wrapping(wrapping);
}

/// KEKRecipientInfo, RFC 5652 section 6.2.3.
Result<void> check_symmetric(ByteView recipient) {
  Reader parts(recipient);
  DUNLIN_CHECK(parts.take(kInteger));
  DUNLIN_CHECK(parts.take(kSequence));
  DUNLIN_TRY(const ByteView wrapping, parts.take(kSequence));
  return check_wrapping(wrapping);
}

Result<SealedHeader::Recipient> recipient_of(ByteView recipients) {
  Reader all(recipients);
  const bool symmetric = all.is(kSymmetric);
  DUNLIN_TRY(const ByteView one, all.take(symmetric ? kSymmetric : kKeyAgreement));
  if (one.empty() || !all.at_end())
    return fail(Errc::malformed, "the blob is not sealed for one recipient alone");
  DUNLIN_CHECK(symmetric ? check_symmetric(one) : check_agreement(one));
  return symmetric ? SealedHeader::Recipient::symmetric_key : SealedHeader::Recipient::key_agreement;
}

/// EncryptedContentInfo, RFC 5652 section 6.1.
Result<std::size_t> content_bytes_of(ByteView info) {
  Reader parts(info);
  DUNLIN_TRY(const ByteView kind, parts.take(kObject));
  DUNLIN_TRY(const ByteView algorithm, parts.take(kSequence));
  DUNLIN_CHECK(check_cipher(algorithm));
  DUNLIN_TRY(const ByteView content, parts.take(kImplicit0));
  if (!std::ranges::equal(kind, kData) || !parts.at_end()) return Reader::broken();
  return content.size();
}

}  // namespace

Result<SealedHeader> read_sealed_header(ByteView der) {
  if (der.size() > kMaxSealedBytes) return fail(Errc::limit_exceeded, "the sealed blob is too large");
  Reader all(der);
  DUNLIN_TRY(const ByteView outer, all.take(kSequence));
  Reader info(outer);
  DUNLIN_TRY(const ByteView kind, info.take(kObject));
  if (!std::ranges::equal(kind, kAuthEnvelopedData) || !all.at_end()) return Reader::broken();
  DUNLIN_TRY(const ByteView wrapped, info.take(kExplicit0));
  Reader wrapper(wrapped);
  DUNLIN_TRY(const ByteView enveloped, wrapper.take(kSequence));
  if (!info.at_end() || !wrapper.at_end()) return Reader::broken();
  // RFC 5083 section 2.1, without what is optional.
  Reader parts(enveloped);
  DUNLIN_TRY(const ByteView version, parts.take(kInteger));
  DUNLIN_TRY(const ByteView recipients, parts.take(kSet));
  DUNLIN_TRY(const ByteView content, parts.take(kSequence));
  DUNLIN_TRY(const ByteView tag, parts.take(kOctets));
  if (version.size() != 1 || version[0] != 0 || tag.size() != kTagBytes || !parts.at_end())
    return Reader::broken();
  SealedHeader header;
  DUNLIN_TRY(header.recipient, recipient_of(recipients));
  DUNLIN_TRY(header.content_bytes, content_bytes_of(content));
  return header;
}

}  // namespace dunlin::security
