#pragma once
// A storm on a reactor of its own, with live traffic beside it on another thread.

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/fs.h"
#include "load/process_usage.h"
#include "load/storm.h"

namespace dunlin::load {

struct StormPlan {
  StormOptions storm;
  LoadOptions live;  // from checked(), with a rate; its duration is how long it is measured without a storm
  std::vector<int> process_ids;  // of the server
};

struct StormReport {
  StormWave gathered;  // connected one after the other, before
  StormWave storm;
  LoadReport quiet;  // live traffic with all devices connected and at rest
  LoadReport live;   // from a second before the storm until all were back
  ProcessUsage at_start;
  ProcessUsage before_storm;
  ProcessUsage after_storm;

  /// All devices came back, and nothing of the live traffic was lost.
  bool faultless(const StormPlan& plan) const;
};

/// The files of devices, as bench/storm writes them: one JSON object a line with `name`, `certificate`
/// (a chain, PEM) and `private_key` (PEM). Each device gets a TLS context of its own. Errors: malformed
/// (names the line), limit_exceeded (over kMaxConnections), those of make_tls_client_context.
Result<std::vector<StormDevice>> read_devices(std::string_view lines, const std::string& ca_pem);

/// Makes room for so many connections. Errors: limit_exceeded, with what to do.
Result<void> allow_open_files(std::size_t connections);

class StormProcess {
 public:
  enum class Stage : std::uint8_t { gathering, quiet, storm };
  struct Progress {
    Stage stage = Stage::gathering;
    std::uint64_t connected = 0;
    std::uint64_t devices = 0;
    double seconds = 0;  // of this stage
  };
  /// Called once a second on the thread inside run().
  using OnProgress = std::function<void(const Progress&)>;

  /// Throws std::system_error when the kernel gives no descriptors.
  explicit StormProcess(StormPlan plan, OnProgress on_progress = {});
  ~StormProcess();

  /// On the calling thread, once. Errors: unavailable (not all could be connected before the storm, or the
  /// live traffic could not), cancelled, not_found (a process id).
  Result<StormReport> run();
  /// Ends run() with `cancelled`. Any thread, until run() has returned.
  void interrupt();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// A plain table.
std::string storm_report_text(const StormPlan& plan, const StormReport& report);
/// One JSON object on one line.
std::string storm_report_json(const StormPlan& plan, const StormReport& report);
std::string progress_text(const StormProcess::Progress& progress);

}  // namespace dunlin::load
