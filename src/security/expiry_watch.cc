#include "security/expiry_watch.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <limits>

#include "base/log.h"
#include "base/time_text.h"
#include "security/audit.h"

namespace dunlin::security {
namespace {

constexpr std::string_view kToldSetting = "pki.expiry";
constexpr std::size_t kPage = 500;
constexpr std::array<std::int64_t, 3> kSteps = {1, 7, 30};  // days left
/// What is renewed by itself, before: that it was not is told from here on.
constexpr std::int64_t kFirstRenewedStep = 7;
constexpr std::string_view kOwnList = "root_list";
constexpr std::string_view kOfflineList = "offline_root_list";
constexpr std::int64_t kNoStep = 1'000'000;

/// The smallest step that is reached.
std::int64_t step_of(std::string_view what, Duration left) {
  for (const std::int64_t step : kSteps) {
    if ((what == "server" || what == kOwnList) && step > kFirstRenewedStep) break;
    if (left <= std::chrono::days{step}) return step;
  }
  return kNoStep;
}

/// By fingerprint: the step that was told last. What cannot be read counts as nothing: it is told again.
std::map<std::string, std::int64_t> told_in(const store::Document& stored) {
  std::map<std::string, std::int64_t> told;
  boost::system::error_code error;
  const auto value = boost::json::parse(stored.body, error);
  if (error || !value.is_object()) return told;
  for (const auto& member : value.get_object()) {
    if (member.value().is_int64()) told[std::string(member.key())] = member.value().get_int64();
  }
  return told;
}

store::Document document_of(const std::map<std::string, std::int64_t>& told) {
  boost::json::object body;
  for (const auto& [fingerprint, step] : told) body[fingerprint] = step;
  return {.id = std::string(kToldSetting), .version = 0, .body = boost::json::serialize(body), .index = {}};
}

}  // namespace

ExpiryWatch::ExpiryWatch(Parts parts, TenantId tenant)
    : parts_(parts),
      tenant_(tenant),
      expiring_(parts.metrics.gauge("dunlin_pki_device_certificates_expiring",
                                    "Active device certificates that end within 30 days")) {
  parts_.metrics.gauge_function(
      "dunlin_pki_root_lists_outdated",
      "Roots whose revocation list lacks a revoked intermediate, has ended, or is missing", {},
      [this] { return lists_to_mend(); });
  for (const char* what : {"root", "intermediate", "server", "root_list", "offline_root_list"}) {
    parts_.metrics.gauge_function("dunlin_pki_expiry_days",
                                  "Days until the certificate ends; of several the one that ends first",
                                  {{"certificate", what}}, [this, what] { return days_left(what); });
  }
}

std::vector<ExpiryWatch::Watched> ExpiryWatch::watched() const {
  std::vector<Watched> all{{"server", parts_.pki.server_info()}};
  for (const IssuerStatus& issuer : parts_.pki.issuers()) {
    all.push_back({"intermediate", issuer.info});
    const bool known = std::ranges::any_of(
        all, [&](const Watched& one) { return one.info.fingerprint == issuer.root.fingerprint; });
    if (!known) all.push_back({"root", issuer.root});
  }
  for (const RootStatus& root : parts_.pki.roots()) {
    if (!root.list) continue;
    CertificateInfo list;
    list.fingerprint = sha256_hex(as_bytes(root.list->der));
    list.common_name = root.info.common_name;
    list.not_after = root.list->info.next_update;
    const bool here = root.key == RootStatus::Key::here;
    all.push_back({std::string(here ? kOwnList : kOfflineList), std::move(list)});
  }
  return all;
}

/// Any thread.
double ExpiryWatch::lists_to_mend() const {
  const auto roots = parts_.pki.roots();
  return static_cast<double>(std::ranges::count_if(roots, [](const RootStatus& root) {
    return root.state != RootListState::current && root.state != RootListState::ends_soon;
  }));
}

/// Any thread.
double ExpiryWatch::days_left(std::string_view what) const {
  WallTime first = WallTime::max();
  for (const Watched& one : watched()) {
    if (one.what == what) first = std::min(first, one.info.not_after);
  }
  if (first == WallTime::max()) return std::numeric_limits<double>::infinity();
  const auto left = first - parts_.clock.wall_now();
  return std::floor(std::chrono::duration<double, std::ratio<86400>>(left).count());
}

void ExpiryWatch::start() {
  look();
  parts_.executor.schedule(kExpiryInterval, [this] { start(); });
}

void ExpiryWatch::look() {
  count_page("", 0);
  warn_of_root_lists(parts_.pki);
  parts_.repository.get(parts_.executor, store::DocumentKind::setting, tenant_.value,
                        std::string(kToldSetting), [this](Result<std::optional<store::Document>> found) {
                          if (!found) return;  // the next look comes
                          if (!*found) return judge({}, 0);
                          judge(told_in(**found), (*found)->version);
                        });
}

void ExpiryWatch::judge(std::map<std::string, std::int64_t> told, std::uint64_t version) {
  const WallTime now = parts_.clock.wall_now();
  std::map<std::string, std::int64_t> telling;
  std::vector<store::Change> changes;
  for (const auto& [what, info] : watched()) {
    const std::int64_t step = step_of(what, info.not_after - now);
    const auto before = told.find(info.fingerprint);
    const std::int64_t last = before == told.end() ? kNoStep : before->second;
    if (const std::int64_t smallest = std::min(step, last); smallest != kNoStep)
      telling[info.fingerprint] = smallest;
    if (step >= last) continue;
    const std::string ends = format_rfc3339(info.not_after);
    log::warning("security", "a certificate of this server's own ends soon",
                 {{"certificate", what}, {"name", info.common_name}, {"not_after", ends}});
    changes.push_back(audit_change(tenant_, now,
                                   {.actor = "system",
                                    .action = "certificate.expiring",
                                    .object = info.fingerprint,
                                    .detail = what + " " + info.common_name + " ends " + ends}));
  }
  if (telling == told) return;
  changes.push_back(put_change(store::DocumentKind::setting, tenant_, document_of(telling), version));
  parts_.repository.write(parts_.executor, std::move(changes), [](const auto& written) {
    if (!written)
      log::error("security", "an audit record was not written", {{"why", written.error().message}});
  });
}

void ExpiryWatch::count_page(std::string after, std::int64_t counted) {
  store::Query query;
  query.kind = store::DocumentKind::certificate;
  query.tenant = tenant_.value;
  query.equals = {{"state", "active"}};
  query.after_id = std::move(after);
  query.limit = kPage;
  parts_.repository.find(parts_.executor, std::move(query),
                         [this, counted](Result<std::vector<store::Document>> found) mutable {
                           if (!found) return;  // the next look comes
                           const WallTime now = parts_.clock.wall_now();
                           for (const store::Document& document : *found) {
                             const auto record = certificate_of(document);
                             if (record && record->use == CertificateRecord::Use::device &&
                                 is_usable(*record, unix_milliseconds(now)) &&
                                 record->not_after <= unix_milliseconds(now + kExpirySoon))
                               ++counted;
                           }
                           if (found->size() < kPage) return expiring_.set(counted);
                           count_page(found->back().id, counted);
                         });
}

}  // namespace dunlin::security
