#include "platform/doctor.h"

#include <algorithm>
#include <boost/json.hpp>
#include <future>
#include <map>

#include "base/metrics.h"
#include "net/reactor_threads.h"
#include "net/worker_pool.h"
#include "platform/stores.h"
#include "store/sqlite/sqlite_repository.h"

namespace dunlin::platform {
namespace {

using model::Field;
using model::FieldType;
using model::Need;
using Done = std::move_only_function<void(Findings)>;

constexpr Field kAnswer[] = {
    {"findings", FieldType::array, Need::required, "severity, id, what, why, mend of each, the worst first"},
    {"errors", FieldType::integer, Need::required, "how many are errors"},
    {"warnings", FieldType::integer, Need::required, "how many are warnings"},
    {"notes", FieldType::integer, Need::required, "how many are notes"}};
constexpr model::OperationSpec kDoctor{"system.doctor",
                                       model::Method::get,
                                       "/api/system/doctor",
                                       "What is weak in how this server is set up.",
                                       "system:read",
                                       {},
                                       kAnswer,
                                       {}};

std::string_view severity_name(Finding::Severity severity) {
  switch (severity) {
    case Finding::Severity::error:
      return "error";
    case Finding::Severity::warning:
      return "warning";
    case Finding::Severity::note:
      return "note";
  }
  return "";
}

/// The worst first; of many of one kind only the first ones, and how many more.
Findings in_order(Findings found) {
  std::ranges::stable_sort(found, {}, &Finding::severity);
  std::map<std::string, std::size_t> counts;
  Findings kept;
  for (Finding& finding : found) {
    if (++counts[finding.id] <= kMaxFindingsOfAKind) kept.push_back(std::move(finding));
  }
  for (Finding& finding : kept) {
    const std::size_t more = std::exchange(counts[finding.id], 0);
    if (more > kMaxFindingsOfAKind)
      finding.what += " (and " + std::to_string(more - kMaxFindingsOfAKind) + " more of this kind)";
  }
  return kept;
}

Findings check_machine(Fs& fs, const Clock& clock, const ServerConfig& config) {
  Findings found = check_folder(fs, config.data_folder);
  for (Findings more : {check_certificates(fs, config.data_folder, clock.wall_now()),
                        check_keys_at_rest(fs, config.data_folder), check_disk(fs, config),
                        check_backups(fs, config.data_folder, clock.wall_now()), check_blobs(fs, config)})
    std::ranges::move(more, std::back_inserter(found));
  return found;
}

}  // namespace

void examine(DoctorParts parts, Done done) {
  parts.workers.run([parts, done = std::move(done)]() mutable {
    Findings found = check_settings(parts.config);
    std::ranges::move(check_machine(parts.fs, parts.clock, parts.config), std::back_inserter(found));
    parts.executor.post([parts, found = std::move(found), done = std::move(done)]() mutable {
      if (parts.repository == nullptr) return done(in_order(std::move(found)));
      check_records(*parts.repository, parts.executor, parts.clock.wall_now(),
                    [found = std::move(found), done = std::move(done)](Findings more) mutable {
                      std::ranges::move(more, std::back_inserter(found));
                      done(in_order(std::move(found)));
                    });
    });
  });
}

Result<Findings> examine_stopped(const ServerConfig& config, Fs& fs, const Clock& clock) {
  if (!fs.is_folder(config.data_folder))
    return fail(Errc::not_found, "there is no data folder " + config.data_folder + "; name it with --data");
  DUNLIN_TRY(const auto lock, lock_data_folder(fs, config.data_folder));
  metrics::Registry metrics;
  net::ReactorThreads threads(1);
  net::ThreadWorkerPool workers(1);
  const std::string file = config.data_folder + "/records.sqlite";
  std::unique_ptr<store::Repository> records;
  if (fs.exists(file)) {
    DUNLIN_TRY(records, store::open_sqlite_repository({fs, workers, metrics}, file));
  }
  threads.start();
  std::promise<Findings> finished;
  auto future = finished.get_future();
  examine({threads.at(0), workers, fs, clock, config, records.get()},
          [&finished](Findings found) { finished.set_value(std::move(found)); });
  Findings found = future.get();
  threads.stop();
  return found;
}

boost::json::object to_json(const Findings& findings) {
  boost::json::array list;
  std::map<Finding::Severity, std::int64_t> counts;
  for (const Finding& finding : findings) {
    ++counts[finding.severity];
    list.push_back({{"severity", severity_name(finding.severity)},
                    {"id", finding.id},
                    {"what", finding.what},
                    {"why", finding.why},
                    {"mend", finding.mend}});
  }
  return {{"findings", std::move(list)},
          {"errors", counts[Finding::Severity::error]},
          {"warnings", counts[Finding::Severity::warning]},
          {"notes", counts[Finding::Severity::note]}};
}

void declare_doctor(model::OperationTable& table, DoctorParts parts) {
  table.add(kDoctor, [parts](const model::Caller&, boost::json::object, model::Reply reply) {
    examine(parts, [reply = std::move(reply)](const Findings& found) mutable {
      reply(boost::json::value(to_json(found)));
    });
  });
}

std::vector<model::OperationSpec> doctor_operations() {
  return {kDoctor};
}

}  // namespace dunlin::platform
