#include "security/revocation_lists.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "security/crypto.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

constexpr std::size_t kPage = 500;

}  // namespace

/// A list under way.
struct RevocationLists::Draft {
  std::string issuer;
  std::uint64_t version = 0;
  CrlProfile profile;
};

RevocationLists::RevocationLists(Parts parts, TenantId tenant)
    : parts_(std::move(parts)),
      tenant_(tenant),
      signed_(parts_.metrics.counter("dunlin_pki_crl_signed_total", "Revocation lists signed")),
      failed_(parts_.metrics.counter("dunlin_pki_crl_failures_total",
                                     "Revocation lists that could not be made or kept")),
      listed_(parts_.metrics.gauge("dunlin_pki_crl_entries", "Certificates on the present lists")) {
  parts_.revocations.on_change([this] { parts_.executor.post([this] { look(); }); });
}

void RevocationLists::start() {
  look();
  tick();
}

void RevocationLists::tick() {
  parts_.executor.schedule(kCrlRetry, [this] {
    look();
    tick();
  });
}

/// Begins what is due.
void RevocationLists::look() {
  const auto present = parts_.pki.issuers();
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.second.work == Entry::Work::none &&
           std::ranges::none_of(present, [&](const auto& issuer) { return issuer.id == entry.first; });
  });
  for (const IssuerStatus& issuer : present) {
    Entry& entry = entries_[issuer.id];
    if (is_due(entry)) begin(issuer.id, entry);
  }
}

bool RevocationLists::is_due(const Entry& entry) const {
  if (entry.work == Entry::Work::under_way || parts_.clock.now() < entry.not_before) return false;
  if (!entry.list || entry.version != parts_.revocations.version()) return true;
  return parts_.clock.wall_now() >= entry.list->next_update - kCrlRenewal;
}

void RevocationLists::get(const std::string& issuer, Done done) {
  look();
  const auto found = entries_.find(issuer);
  if (found == entries_.end()) return done(fail(Errc::not_found, "there is no such intermediate"));
  Entry& entry = found->second;
  const bool waits = entry.work == Entry::Work::under_way && entry.waiting.size() < kMaxCrlWaiting;
  if (waits) return entry.waiting.push_back(std::move(done));
  if (entry.list) return done(entry.list);
  done(fail(Errc::unavailable, "there is no revocation list at the moment; try again"));
}

void RevocationLists::begin(const std::string& issuer, Entry& entry) {
  entry.work = Entry::Work::under_way;
  auto draft = std::make_unique<Draft>();
  draft->issuer = issuer;
  // What is revoked from here on may be on the list, and counts as if it were not.
  draft->version = parts_.revocations.version();
  gather(std::move(draft), "");
}

void RevocationLists::gather(DraftPtr draft, std::string after) {
  store::Query query;
  query.kind = store::DocumentKind::certificate;
  query.tenant = tenant_.value;
  query.equals = {{"state", "revoked"}};
  query.after_id = std::move(after);
  query.limit = kPage;
  parts_.repository.find(
      parts_.executor, std::move(query),
      [this, draft = std::move(draft)](Result<std::vector<store::Document>> found) mutable {
        if (!found) return finish(draft->issuer, draft->version, std::unexpected(found.error()));
        for (const store::Document& document : *found) take(*draft, document);
        if (draft->profile.revoked.size() > kMaxCrlEntries)
          return finish(draft->issuer, draft->version,
                        fail(Errc::limit_exceeded, "more certificates are revoked than a list may hold"));
        if (found->size() < kPage) return sign(std::move(draft));
        gather(std::move(draft), found->back().id);
      });
}

/// Certificates of registered authorities are on the lists of those.
void RevocationLists::take(Draft& draft, const store::Document& document) const {
  const auto record = certificate_of(document);
  if (!record || !record->authority.empty() || record->issuer != draft.issuer) return;
  // RFC 5280 section 3.3: an entry stays until it was on a list made after the certificate's end.
  if (from_unix_milliseconds(record->not_after) + kCrlLifetime < parts_.clock.wall_now()) return;
  draft.profile.revoked.push_back(
      {record->serial, from_unix_milliseconds(record->revoked_at), reason_of(*record)});
}

std::string RevocationLists::path_of(const std::string& issuer) const {
  return parts_.data_folder + "/pki/crl/" + issuer + ".crl";
}

void RevocationLists::sign(DraftPtr draft) {
  ListRef before = entries_[draft->issuer].list;
  draft->profile.this_update = parts_.clock.wall_now();
  draft->profile.next_update = draft->profile.this_update + kCrlLifetime;
  parts_.workers.run([this, before = std::move(before), draft = std::move(draft)]() mutable {
    auto made = sign_and_keep(*draft, std::move(before));
    parts_.executor.post([this, draft = std::move(draft), made = std::move(made)]() mutable {
      finish(draft->issuer, draft->version, std::move(made));
    });
  });
}

/// On a worker. Durable before anybody sees it.
Result<RevocationLists::ListRef> RevocationLists::sign_and_keep(const Draft& draft, ListRef before) const {
  const std::string path = path_of(draft.issuer);
  std::uint64_t last = before ? before->number : 0;
  if (!before && parts_.fs.exists(path)) {
    DUNLIN_TRY(const std::string stored, read_file(parts_.fs, path, kMaxCrlFileBytes));
    if (const auto info = read_crl(as_bytes(stored))) last = info->number;
  }
  CrlProfile profile = draft.profile;
  // The time besides: a folder brought back from a backup does not know the numbers given out since.
  profile.number =
      std::max(last + 1, static_cast<std::uint64_t>(unix_milliseconds(draft.profile.this_update)));
  DUNLIN_TRY(const std::string der, parts_.pki.sign_crl(draft.issuer, profile));
  DUNLIN_CHECK(parts_.fs.create_folders(parent_folder(path)));
  DUNLIN_CHECK(write_file_atomically(parts_.fs, path, as_bytes(der)));
  return std::make_shared<const List>(List{.der = Slice::copy_of(der),
                                           .tag = sha256_hex(as_bytes(der)),
                                           .number = profile.number,
                                           .this_update = profile.this_update,
                                           .next_update = profile.next_update,
                                           .revoked = profile.revoked.size()});
}

void RevocationLists::finish(const std::string& issuer, std::uint64_t version, Result<ListRef> made) {
  Entry& entry = entries_[issuer];
  entry.work = Entry::Work::none;
  if (made) {
    entry.list = *std::move(made);
    entry.version = version;
    signed_.add();
  } else {
    entry.not_before = parts_.clock.now() + kCrlRetry;
    failed_.add();
    log::error("security", "a revocation list could not be made",
               {{"issuer", issuer}, {"why", made.error().message}});
  }
  std::size_t listed = 0;
  for (const auto& [id, one] : entries_) listed += one.list ? one.list->revoked : 0;
  listed_.set(static_cast<std::int64_t>(listed));
  // Those who came while it was made may miss the latest: they wait on if there is more to be done.
  std::vector<Done> waiting = std::exchange(entry.waiting, {});
  look();
  for (Done& done : waiting) get(issuer, std::move(done));
}

}  // namespace dunlin::security
