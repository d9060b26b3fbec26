// dunlin audit export, dunlin audit verify.

#include "service/audit/audit.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

#include "apps/api_client.h"
#include "apps/configuration.h"
#include "apps/lines_out.h"
#include "base/hex.h"
#include "model/text.h"
#include "security/audit_verify.h"
#include "security/limits.h"

namespace dunlin::apps {
namespace {

constexpr std::size_t kBlock = 64 * 1024;
// Between two questions how far a verification is: short at first, most logs are.
constexpr std::chrono::milliseconds kFirstWait{10};
constexpr std::chrono::milliseconds kLongestWait{320};

model::OperationSpec operation(std::string_view name) {
  for (const model::OperationSpec& spec : audit::operations()) {
    if (spec.name == name) return spec;
  }
  return {};
}

std::string lines_of(const boost::json::object& page) {
  std::string text;
  if (const auto* records = page.if_contains("records"); records != nullptr && records->is_array()) {
    for (const auto& record : records->get_array()) text += boost::json::serialize(record) + "\n";
  }
  if (const auto* head = page.if_contains("head")) text += boost::json::serialize(*head) + "\n";
  return text;
}

Result<void> export_to(ApiClient& client, boost::json::object fields, Lines& lines) {
  while (true) {
    DUNLIN_TRY(const boost::json::value answer, client.call(operation("audit.export"), fields));
    if (!answer.is_object()) return fail(Errc::malformed, "the server's answer is no page of its log");
    const auto& page = answer.get_object();
    DUNLIN_CHECK(lines.write(lines_of(page)));
    const auto* next = page.if_contains("next");
    if (next == nullptr) return lines.end();
    fields["first"] = *next;
    if (const auto* through = page.if_contains("through")) fields["through"] = *through;
  }
}

/// Hands every line to `take` until that has found something. Errors: not_found, io, limit_exceeded.
template <class Take>
Result<void> for_each_line(Fs& fs, const std::string& path, Take take) {
  DUNLIN_TRY(const auto file, fs.open(path, OpenMode::read));
  std::vector<std::uint8_t> block(kBlock);
  std::string rest;
  for (std::uint64_t at = 0;;) {
    DUNLIN_TRY(const std::size_t size, file->read_at(at, block));
    at += size;
    rest += as_text(ByteView(block).first(size));
    std::size_t begin = 0;
    for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n', begin)) {
      if (!take(std::string_view(rest).substr(begin, end - begin))) return {};
      begin = end + 1;
    }
    rest.erase(0, begin);
    if (rest.size() > security::kMaxAuditRecordBytes)
      return fail(Errc::limit_exceeded, path + " has a line that is too long for a record");
    if (size > 0) continue;
    if (!rest.empty()) take(std::string_view(rest));
    return {};
  }
}

int say_problem(const std::string& why) {
  std::fprintf(stderr, "the audit log does not hold: %s\n", why.c_str());
  return 1;
}

Result<std::optional<security::AuditKey>> key_of(Fs& fs, const std::string& path) {
  if (path.empty()) return std::nullopt;
  DUNLIN_TRY(auto key, security::AuditKey::read(fs, path));
  return key;
}

int verify_file(const AuditVerifyCommand& command, Fs& fs) {
  const auto key = key_of(fs, command.key_file);
  if (!key) return report(key.error());
  security::AuditFileVerifier verifier(*key ? &**key : nullptr);
  std::optional<security::AuditProblem> problem;
  const auto read = for_each_line(fs, command.file, [&](std::string_view line) {
    problem = verifier.take_line(line);
    return !problem.has_value();
  });
  if (!read) return report(read.error());
  if (!problem) problem = verifier.end();
  if (problem) return say_problem(problem->why);
  if (verifier.records() == 0 && !verifier.has_head()) return say_problem("there is no record in the file");
  std::printf("the audit log holds: %llu records, %llu to %llu\nhash of the last: %s\n",
              static_cast<unsigned long long>(verifier.records()),
              static_cast<unsigned long long>(verifier.first()),
              static_cast<unsigned long long>(verifier.last()), to_hex(verifier.hash()).c_str());
  if (!verifier.has_head()) {
    std::puts("without a head: whether records are missing at the end cannot be said");
  } else if (!*key) {
    std::puts("the head's signature was not checked: give --key");
  }
  return 0;
}

std::string member(const boost::json::object& found, std::string_view name) {
  const auto* value = found.if_contains(name);
  if (value == nullptr) return {};
  return value->is_string() ? std::string(value->get_string()) : model::json_text(*value);
}

/// Begins a verification and waits until it is over; what the server says of it then. Errors: the server's,
/// malformed, unavailable (it could not read its log).
Result<boost::json::object> verification_of(ApiClient& client, CallTarget::Output output) {
  ProgressLine line;
  auto wait = kFirstWait;
  for (auto asked = operation("audit.verify");; asked = operation("audit.progress")) {
    auto answer = client.call(asked, {});
    if (!answer || !answer->is_object()) line.end();
    if (!answer) return std::unexpected(answer.error());
    if (!answer->is_object()) return fail(Errc::malformed, "the server's answer is no report");
    boost::json::object& found = answer->get_object();
    const std::string state = member(found, "state");
    if (state != "running") line.end();
    if (state == "done") return std::move(found);
    if (state == "none") return fail(Errc::unavailable, "the server has begun anew: verify again");
    if (state != "running")
      return fail(Errc::unavailable, "the server could not read its log: " + member(found, "why"));
    if (output == CallTarget::Output::text && wait == kLongestWait)
      line.show("verified " + member(found, "checked") + " of " + member(found, "of") + " records");
    std::this_thread::sleep_for(wait);
    wait = std::min(2 * wait, kLongestWait);
  }
}

int verify_server(const AuditVerifyCommand& command, Fs& fs) {
  auto client = ApiClient::open(command.target, fs);
  if (!client) return report(client.error());
  const auto found = verification_of(**client, command.target.output);
  if (!found) return report(found.error());
  const auto* ok = found->if_contains("ok");
  if (ok == nullptr || !ok->is_bool()) return report({Errc::malformed, "the server's answer is no report"});
  if (command.target.output == CallTarget::Output::json) {
    std::printf("%s\n", model::json_text(*found).c_str());
    return ok->get_bool() ? 0 : 1;
  }
  const auto text = [&](std::string_view name) { return member(*found, name); };
  if (!ok->get_bool()) return say_problem(text("problem"));
  std::printf("the audit log holds: %s records, %s to %s\nhash of the last: %s\n", text("records").c_str(),
              text("first").c_str(), text("last").c_str(), text("hash").c_str());
  if (text("before_chain") != "0")
    std::printf("records from before the chain, not verified: %s\n", text("before_chain").c_str());
  return 0;
}

}  // namespace

int run_audit_export(const AuditExportCommand& command) {
  const auto fs = make_system_fs();
  boost::json::object fields;
  if (command.first) fields["first"] = *command.first;
  if (command.through) fields["through"] = *command.through;
  auto client = ApiClient::open(command.target, *fs);
  if (!client) return report(client.error());
  auto lines = Lines::open(*fs, command.out_file);
  if (!lines) return report(lines.error());
  const auto done = export_to(**client, std::move(fields), *lines);
  return done ? 0 : report(done.error());
}

int run_audit_verify(const AuditVerifyCommand& command) {
  const auto fs = make_system_fs();
  return command.file.empty() ? verify_server(command, *fs) : verify_file(command, *fs);
}

}  // namespace dunlin::apps
