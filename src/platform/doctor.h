#pragma once
// What is weak in how a server is set up: permissions, exposure, expiry, settings, doors that stand open.

#include <boost/json/fwd.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/fs.h"
#include "model/operation.h"
#include "platform/config.h"
#include "store/repository.h"

namespace dunlin::platform {

struct Finding {
  enum class Severity : std::uint8_t {
    error,    // an attack or a failure needs nothing more
    warning,  // a defence is missing
    note      // worth knowing; may be meant so
  } severity = Severity::note;
  std::string id;  // stable, for programs: "token_never_expires"
  std::string what;
  std::string why;
  std::string mend;  // a command, or a key of the configuration
};
using Findings = std::vector<Finding>;

/// Findings with the same id past so many become one that says how many more there are.
inline constexpr std::size_t kMaxFindingsOfAKind = 10;
/// Documents that one look reads; past it a finding says so.
inline constexpr std::size_t kMaxExaminedDocuments = 200'000;
/// Files of large binaries whose modes one look reads.
inline constexpr std::size_t kMaxExaminedBlobs = 20'000;

/// Any thread; no I/O.
Findings check_settings(const ServerConfig& config);
/// Who may read and write what is secret in the data folder. Blocks.
Findings check_folder(Fs& fs, const std::string& folder);
/// Every certificate in DIR/pki, and the clock against them. Blocks.
Findings check_certificates(Fs& fs, const std::string& folder, WallTime now);
/// Whether keys lie there in the clear. Blocks.
Findings check_keys_at_rest(Fs& fs, const std::string& folder);
/// Blocks.
Findings check_disk(Fs& fs, const ServerConfig& config);
/// Blocks.
Findings check_backups(Fs& fs, const std::string& folder, WallTime now);
/// Who may read large binaries, whether there is room for more, and whether they ever go. Blocks.
Findings check_blobs(Fs& fs, const ServerConfig& config);
/// Users, tokens, certificates, policies and what lets devices in. `done` runs on `reply_to`.
void check_records(store::Repository& repository, Executor& reply_to, WallTime now,
                   std::move_only_function<void(Findings)> done);

struct DoctorParts {
  Executor& executor;
  WorkerPool& workers;
  Fs& fs;
  const Clock& clock;
  const ServerConfig& config;
  store::Repository* repository;  // null: there are no records
};
/// All of the above, the worst first. The parts must live until `done`, which runs on their executor.
void examine(DoctorParts parts, std::move_only_function<void(Findings)> done);
/// The same for a server that does not run; holds its data folder's lock meanwhile. Blocks. Errors: not_found
/// (no such folder), conflict (a server runs), io.
Result<Findings> examine_stopped(const ServerConfig& config, Fs& fs, const Clock& clock);

/// The answer of system.doctor.
boost::json::object to_json(const Findings& findings);

/// The parts must outlive the table.
void declare_doctor(model::OperationTable& table, DoctorParts parts);
std::vector<model::OperationSpec> doctor_operations();

}  // namespace dunlin::platform
