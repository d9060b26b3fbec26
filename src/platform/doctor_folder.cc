// The data folder: who may read it, its certificates, the disk under it.
#include <algorithm>

#include "base/file_mode.h"
#include "base/time_text.h"
#include "platform/doctor.h"
#include "security/limits.h"
#include "security/vault_files.h"
#include "security/x509.h"
#include "service/backup/backup_service.h"

namespace dunlin::platform {
namespace {

using Severity = Finding::Severity;

constexpr unsigned kOthersRead = 0044;
constexpr unsigned kOthersWrite = 0022;
constexpr Duration kAuthorityNotice = std::chrono::days{180};
/// The server's certificate is made anew when 30 of its 90 days are left.
constexpr Duration kLeafNotice = std::chrono::days{14};
constexpr Duration kBackupNotice = std::chrono::days{30};
constexpr std::uint64_t kAlmostFull = 64ULL << 20;
constexpr std::uint64_t kLittleSpace = 1ULL << 30;

bool is_secret(std::string_view name) {
  return name.ends_with(".secret") || name.ends_with(".key") || name.ends_with(".token") ||
         name.ends_with(".fresh") || name.contains(".sqlite");
}

/// A path as a shell takes it.
std::string quoted(const std::string& path) {
  std::string text = "'";
  for (const char c : path) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

void check_file(const std::string& path, bool secret, Findings& found) {
  const auto mode = file_mode(path);
  if (!mode) return;
  if ((*mode & kOthersWrite) != 0) {
    found.push_back({Severity::error, "file_writable", "other users may change " + path,
                     "they can put their own identities, keys or records in its place",
                     "chmod go-w " + quoted(path)});
  }
  if (secret && (*mode & kOthersRead) != 0) {
    found.push_back({Severity::error, "file_readable", "other users may read " + path,
                     "who has read it can pass for the server, a device or an administrator",
                     "chmod 600 " + quoted(path)});
  }
}

struct Place {
  std::string folder;
  enum class Holds : std::uint8_t { secrets, by_name } holds = Holds::by_name;
};

void check_place(Fs& fs, const Place& place, Findings& found) {
  const auto names = fs.list(place.folder);
  if (!names) return;
  for (const std::string& name : *names) {
    const std::string path = place.folder + "/" + name;
    if (fs.is_folder(path)) continue;
    check_file(path, place.holds == Place::Holds::secrets || is_secret(name), found);
  }
}

void check_certificate(const std::string& path, const security::CertificateInfo& info, WallTime now,
                       Findings& found) {
  const bool authority = info.role == security::CertificateInfo::Role::authority;
  const std::string who = std::string(authority ? "the authority " : "the certificate ") + path;
  const std::string mend = authority ? "make its successor before it ends: dunlin ca rotate (an intermediate)"
                                     : "restart the server, which makes it anew; its log says why it has not";
  if (now < info.not_before) {
    found.push_back({Severity::error, "clock_behind",
                     "the clock stands at " + format_rfc3339(now) + ", " + path + " begins at " +
                         format_rfc3339(info.not_before),
                     "certificates and tokens are judged by the clock: none can be trusted",
                     "set the clock (timedatectl set-ntp true)"});
  } else if (now >= info.not_after) {
    found.push_back({Severity::error, "certificate_expired",
                     who + " ended at " + format_rfc3339(info.not_after),
                     "whoever checks it refuses the connection", mend});
  } else if (info.not_after - now < (authority ? kAuthorityNotice : kLeafNotice)) {
    found.push_back(
        {Severity::warning, "certificate_expires", who + " ends at " + format_rfc3339(info.not_after),
         authority ? "nothing that it has signed counts longer" : "it should have been made anew", mend});
  }
}

void check_certificate_file(Fs& fs, const std::string& path, WallTime now, Findings& found) {
  const auto text = read_file(fs, path, security::kMaxPemFileBytes);
  // A key may stand before the certificate.
  const std::size_t begin = text ? text->find("-----BEGIN CERTIFICATE") : 0;
  if (begin == std::string::npos) return;
  const auto blocks = text ? security::certificates_from_pem(std::string_view(*text).substr(begin))
                           : Result<std::vector<std::string>>(std::unexpected(text.error()));
  const auto info = blocks ? security::parse_certificate(as_bytes(blocks->front()))
                           : Result<security::CertificateInfo>(std::unexpected(blocks.error()));
  if (info) return check_certificate(path, *info, now, found);
  found.push_back({Severity::error, "certificate_unreadable",
                   path + " cannot be read: " + info.error().message, "the server will not start with it",
                   "put back the file from a copy of the data folder"});
}

}  // namespace

Findings check_folder(Fs& fs, const std::string& folder) {
  Findings found;
  for (const std::string& one : {folder, folder + "/pki", folder + "/pki/issuers"}) {
    const auto mode = file_mode(one);
    if (!mode || (*mode & 0077U) == 0) continue;
    const bool writable = (*mode & kOthersWrite) != 0;
    found.push_back(
        {writable ? Severity::error : Severity::warning, "folder_open",
         std::string("other users may ") + (writable ? "change" : "look into") + " the folder " + one,
         writable ? "they can replace every file in it" : "only the files' own modes protect them",
         "chmod 700 " + quoted(one)});
  }
  check_place(fs, {folder}, found);
  check_place(fs, {folder + "/pki"}, found);
  check_place(fs, {folder + "/pki/issuers", Place::Holds::secrets}, found);
  check_place(fs, {folder + "/bridge-secrets", Place::Holds::secrets}, found);
  return found;
}

Findings check_certificates(Fs& fs, const std::string& folder, WallTime now) {
  Findings found;
  const std::string pki = folder + "/pki";
  // An intermediate that was forgotten has nothing to say any more, though its file is kept.
  const bool forgotten = fs.exists(pki + "/forgotten");
  for (const std::string& place : {pki, pki + "/issuers"}) {
    const auto names = fs.list(place);
    if (!names) continue;
    for (const std::string& name : *names) {
      const bool counts = name.ends_with(".pem") && !(forgotten && name == "intermediate.pem");
      if (counts) check_certificate_file(fs, place + "/" + name, now, found);
    }
  }
  if (fs.exists(pki + "/root.key") && fs.exists(pki + "/intermediate.pem")) {
    found.push_back(
        {Severity::note, "root_key_online", "the root's key lies beside the server",
         "who takes the machine over can make authorities that outlive it",
         "dunlin ca export-root --passphrase-file FILE --out root-key.pem, then dunlin ca remove-root "
         "--passphrase-file FILE --key-file root-key.pem"});
  }
  return found;
}

Findings check_keys_at_rest(Fs& fs, const std::string& folder) {
  const auto files = security::secret_files(fs, folder);
  if (!files) return {};
  using Kept = security::SecretFileState::Kept;
  const auto open = std::ranges::count(*files, Kept::in_the_clear, &security::SecretFileState::kept);
  if (open == 0) return {};
  return {{Severity::note, "keys_unencrypted",
           std::to_string(open) + " files with keys in " + folder + " are not encrypted",
           "who has the disk, or a copy of the folder, can pass for the server and for its devices",
           "dunlin vault protect, with the server stopped; or keep them in a PKCS#11 token: pki.token"}};
}

Findings check_disk(Fs& fs, const ServerConfig& config) {
  const auto space = fs.free_space(config.data_folder);
  if (!space || *space >= std::max(kLittleSpace, config.journal_max_bytes)) return {};
  const std::string what =
      std::to_string(*space >> 20) + " MiB are free on the disk of " + config.data_folder;
  if (*space < kLittleSpace) {
    return {{*space < kAlmostFull ? Severity::error : Severity::warning, "disk_almost_full", what,
             "a server that cannot write refuses what must be kept",
             "make room, or move the folder to another disk"}};
  }
  return {{Severity::warning, "disk_smaller_than_journal",
           what + ", and one journal may grow to " + std::to_string(config.journal_max_bytes >> 20) + " MiB",
           "the disk is full before the journal's own limit holds publishers back",
           "--set journal.max_bytes=" + std::to_string((*space / 2) >> 20) + "MiB"}};
}

Findings check_backups(Fs& fs, const std::string& folder, WallTime now) {
  const auto last = backup::read_last_backup(fs, folder);
  const std::string why = "what is lost with the disk is lost";
  const std::string mend = "dunlin backup --data " + quoted(folder) + " --to FOLDER, on another disk";
  if (!last)
    return {{Severity::note, "never_backed_up", "no backup of " + folder + " was ever taken", why, mend}};
  const WallTime taken = from_unix_milliseconds(last->instant);
  if (now - taken < kBackupNotice) return {};
  return {{Severity::note, "backup_old", "the last backup was taken at " + format_rfc3339(taken), why, mend}};
}

}  // namespace dunlin::platform
