#include <boost/json.hpp>
#include <cstdio>
#include <future>

#include "apps/api_client.h"
#include "apps/configuration.h"
#include "apps/new_file.h"
#include "apps/render.h"
#include "base/core/assert.h"
#include "base/core/utf8.h"
#include "model/text.h"

namespace dunlin::apps {
namespace {

/// A field as it was written, as the declared type. Errors: invalid_argument.
Result<boost::json::value> typed(const model::Field& field, const std::string& text) {
  if (field.type == model::FieldType::text) return boost::json::value(text);
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(text, error);
  if (!error) return value;
  if (field.type == model::FieldType::any) return boost::json::value(text);
  return fail(Errc::invalid_argument, "--" + std::string(field.name) + " must be of type " +
                                          std::string(model::field_type_name(field.type)) +
                                          ", written as JSON");
}

constexpr std::uint64_t kMaxFieldFileBytes = 64 * 1024;

Result<boost::json::object> fields_of(const CallCommand& command, Fs& fs) {
  boost::json::object fields;
  for (const auto& [name, text] : command.fields) {
    for (const model::Field& field : command.operation.request) {
      if (field.name != name) continue;
      DUNLIN_TRY(fields[name], typed(field, text));
    }
  }
  for (const auto& [name, path] : command.field_files) {
    DUNLIN_TRY(std::string text, read_file(fs, path, kMaxFieldFileBytes));
    // A passphrase ends where its line does.
    while (name == "passphrase" && (text.ends_with('\n') || text.ends_with('\r'))) text.pop_back();
    // A certificate or list in DER, most likely; JSON could not carry it.
    if (!is_valid_utf8(text))
      return fail(Errc::invalid_argument, path + " holds no text; certificates and lists are taken as PEM");
    fields[name] = std::move(text);
  }
  return fields;
}

/// The first member, into a new file. The root certificate is for everybody, and replaces the one before.
Result<void> write_answer_file(Fs& fs, const CallCommand& command, const boost::json::object& answer) {
  DUNLIN_ASSERT(!answer.empty() && answer.begin()->value().is_string());
  const std::string_view text = answer.begin()->value().get_string();
  if (command.operation.name != "ca.get") return write_new_file(fs, command.out_file, text);
  DUNLIN_CHECK(write_file_atomically(fs, command.out_file, as_bytes(text), Readers::everyone));
  std::printf("wrote %s\n", command.out_file.c_str());
  return {};
}

Result<void> write_certificate_files(Fs& fs, const std::string& folder, const boost::json::object& answer) {
  DUNLIN_CHECK(fs.create_folders(folder));
  struct CertificateFile {
    std::string_view member;
    std::string_view name;
    Readers readers;
  };
  constexpr CertificateFile kFiles[] = {{"certificate", "certificate.pem", Readers::everyone},
                                        {"private_key", "key.pem", Readers::owner},
                                        {"ca", "ca.pem", Readers::everyone}};
  for (const CertificateFile& file : kFiles) {
    const auto* text = answer.if_contains(file.member);
    if (text == nullptr || !text->is_string()) continue;
    const std::string path = folder + "/" + std::string(file.name);
    const std::string_view pem = text->get_string();
    DUNLIN_CHECK(write_file_atomically(fs, path, as_bytes(pem), file.readers));
    std::printf("wrote %s\n", path.c_str());
  }
  return {};
}

}  // namespace

int run_call(const CallCommand& command) {
  const auto fs = make_system_fs();
  const auto fields = fields_of(command, *fs);
  if (!fields) return report(fields.error());
  auto client = ApiClient::open(command.target, *fs);
  if (!client) return report(client.error());
  if (command.rows != CallCommand::Rows::no) {
    const auto printed = print_rows(command, *fields, **client);
    return printed ? 0 : report(printed.error());
  }
  const auto answer = (*client)->call(command.operation, *fields);
  if (!answer) return report(answer.error());
  if (!command.out_folder.empty() && answer->is_object()) {
    const auto written = write_certificate_files(*fs, command.out_folder, answer->get_object());
    return written ? 0 : report(written.error());
  }
  if (!command.out_file.empty() && answer->is_object()) {
    const auto written = write_answer_file(*fs, command, answer->get_object());
    return written ? 0 : report(written.error());
  }
  const bool json = command.target.output == CallTarget::Output::json;
  std::fputs(
      (json ? model::json_text(*answer) + "\n" : render_answer(command.operation.name, *answer)).c_str(),
      stdout);
  return 0;
}

}  // namespace dunlin::apps
