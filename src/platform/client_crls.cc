#include "platform/client_crls.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/time_text.h"

namespace dunlin::platform {

ClientCrls::ClientCrls(Parts parts, std::vector<std::string> paths, Adopt adopt)
    : parts_(parts),
      paths_(std::move(paths)),
      adopt_(std::move(adopt)),
      loaded_(parts.metrics.counter("dunlin_tls_client_crl_loaded_total",
                                    "Readings of the revocation lists of client certificates.")),
      failed_(parts.metrics.counter("dunlin_tls_client_crl_failed_total",
                                    "Readings of the revocation lists that failed.")),
      expired_(parts.metrics.gauge("dunlin_tls_client_crl_expired",
                                   "Revocation lists past the time of their next update.")) {}

Result<ClientCrls::Reading> ClientCrls::read() const {
  Reading reading;
  for (const std::string& path : paths_) {
    auto bytes = read_file(parts_.fs, path, net::kMaxCrlBytes);
    if (!bytes) return fail(bytes.error().code, path + ": " + bytes.error().message);
    auto lists = net::read_crls(*bytes);
    if (!lists) return fail(lists.error().code, path + ": " + lists.error().message);
    reading.files.push_back(*std::move(bytes));
    std::ranges::move(*lists, std::back_inserter(reading.lists));
  }
  return reading;
}

Result<void> ClientCrls::load() {
  DUNLIN_TRY(Reading reading, read());
  files_ = std::move(reading.files);
  lists_ = std::move(reading.lists);
  if (!paths_.empty()) loaded_.add();
  judge_age();
  return {};
}

void ClientCrls::start() {
  if (paths_.empty()) return;
  parts_.executor.schedule(kCrlInterval, [this] { look(); });
}

void ClientCrls::look() {
  parts_.workers.run(
      [this] { parts_.executor.post([this, result = read()]() mutable { looked(std::move(result)); }); });
}

void ClientCrls::looked(Result<Reading> result) {
  if (result && result->files != files_) {
    files_ = std::move(result->files);
    lists_ = std::move(result->lists);
    stale_ = 0;
    if (const auto adopted = adopt_(); !adopted) {
      result = std::unexpected(adopted.error());
    } else {
      loaded_.add();
      for (const net::CrlInfo& list : lists_) {
        log::info("platform", "a revocation list was read",
                  {{"issuer", list.issuer}, {"revoked", list.revoked}});
      }
    }
  }
  if (!result) failed_.add();
  const std::string failure = result ? "" : result.error().message;
  if (failure != failure_ && !failure.empty())
    log::error("platform", "the revocation lists stay as they were", {{"why", failure}});
  failure_ = failure;
  judge_age();
  start();
}

void ClientCrls::judge_age() {
  const WallTime now = parts_.clock.wall_now();
  const auto is_old = [&](const net::CrlInfo& list) { return list.next_update <= now; };
  const auto old = static_cast<std::size_t>(std::ranges::count_if(lists_, is_old));
  expired_.set(static_cast<std::int64_t>(old));
  if (old > stale_) {
    for (const net::CrlInfo& list : lists_) {
      if (!is_old(list)) continue;
      log::warning("platform", "a revocation list is past its next update",
                   {{"issuer", list.issuer}, {"next_update", format_rfc3339(list.next_update)}});
    }
  }
  stale_ = old;
}

}  // namespace dunlin::platform
