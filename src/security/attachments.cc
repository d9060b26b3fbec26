#include "security/attachments.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "security/names.h"

namespace dunlin::security {
namespace {

constexpr std::array<std::string_view, 4> kKinds = {"thing", "group", "certificate", "user"};
constexpr std::size_t kFingerprintDigits = 64;

/// As people have it from their tools: with colons, or in capitals. Errors: invalid_argument.
Result<std::string> fingerprint_of(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c == ':') continue;
    const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool is_digit = (lower >= '0' && lower <= '9') || (lower >= 'a' && lower <= 'f');
    if (!is_digit || digits.size() == kFingerprintDigits)
      return fail(Errc::invalid_argument, "a certificate is named by its SHA-256 fingerprint");
    digits += lower;
  }
  if (digits.size() != kFingerprintDigits)
    return fail(Errc::invalid_argument, "a certificate is named by its SHA-256 fingerprint");
  return digits;
}

}  // namespace

std::string_view subject_kind_name(SubjectKind kind) {
  return kKinds[static_cast<std::size_t>(kind)];
}

std::string Subject::text() const {
  return std::string(subject_kind_name(kind)) + ":" + name;
}

Result<Subject> parse_subject(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto* known = std::ranges::find(kKinds, text.substr(0, colon));
  if (colon == std::string_view::npos || known == kKinds.end())
    return fail(Errc::invalid_argument,
                "write thing:NAME, group:NAME, certificate:FINGERPRINT or user:NAME, not \"" +
                    std::string(text.substr(0, kFingerprintDigits)) + "\"");
  Subject subject{static_cast<SubjectKind>(known - kKinds.begin()), std::string(text.substr(colon + 1))};
  switch (subject.kind) {
    case SubjectKind::thing:
      DUNLIN_CHECK(check_thing_name(subject.name));
      break;
    case SubjectKind::group:
      DUNLIN_CHECK(check_group_name(subject.name));
      break;
    case SubjectKind::certificate: {
      DUNLIN_TRY(subject.name, fingerprint_of(subject.name));
      break;
    }
    case SubjectKind::user:
      DUNLIN_CHECK(check_user_name(subject.name));
      break;
  }
  return subject;
}

std::size_t AttachmentTable::hash_of(SubjectKind kind, std::string_view name) {
  constexpr std::size_t kOdd = 0x9e3779b97f4a7c15U;
  return std::hash<std::string_view>{}(name) ^ ((static_cast<std::size_t>(kind) + 1) * kOdd);
}

const AttachedRef* AttachmentTable::slot_of(SubjectKind kind, std::string_view name) const {
  if (count_ == 0) return nullptr;
  const std::size_t hash = hash_of(kind, name);
  const auto& bucket = (*buckets_)[hash % kBuckets];
  if (bucket == nullptr) return nullptr;
  for (auto slot = std::ranges::lower_bound(*bucket, hash, {}, &Slot::hash);
       slot != bucket->end() && slot->hash == hash; ++slot) {
    if (slot->attached->subject.kind == kind && slot->attached->subject.name == name) return &slot->attached;
  }
  return nullptr;
}

const Attached* AttachmentTable::find(SubjectKind kind, std::string_view name) const {
  const AttachedRef* slot = slot_of(kind, name);
  return slot == nullptr ? nullptr : slot->get();
}

AttachedRef AttachmentTable::share(const Subject& subject) const {
  const AttachedRef* slot = slot_of(subject.kind, subject.name);
  return slot == nullptr ? nullptr : *slot;
}

int AttachmentTable::put_into(Bucket& bucket, std::size_t hash, const AttachedRef& attached) {
  auto slot = std::ranges::lower_bound(bucket, hash, {}, &Slot::hash);
  while (slot != bucket.end() && slot->hash == hash && slot->attached->subject != attached->subject) ++slot;
  const bool is_there = slot != bucket.end() && slot->hash == hash;
  if (attached->is_empty()) {
    if (is_there) bucket.erase(slot);
    return is_there ? -1 : 0;
  }
  if (is_there) {
    slot->attached = attached;
    return 0;
  }
  bucket.insert(slot, {hash, attached});
  return 1;
}

void AttachmentTable::put(std::span<const AttachedRef> changes) {
  if (changes.empty()) return;
  auto changed = buckets_ ? std::make_shared<Buckets>(*buckets_) : std::make_shared<Buckets>();
  std::map<std::size_t, std::shared_ptr<Bucket>> copies;  // each bucket is copied once
  for (const AttachedRef& attached : changes) {
    const std::size_t hash = hash_of(attached->subject.kind, attached->subject.name);
    const std::size_t place = hash % kBuckets;
    auto& copy = copies[place];
    if (copy == nullptr) {
      const auto& former = (*changed)[place];
      copy = former ? std::make_shared<Bucket>(*former) : std::make_shared<Bucket>();
      (*changed)[place] = copy;
    }
    count_ += static_cast<std::size_t>(put_into(*copy, hash, attached));
  }
  buckets_ = std::move(changed);
}

}  // namespace dunlin::security
