#include "service/backup/manifest.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/time_text.h"
#include "security/crypto.h"
#include "service/backup/limits.h"

namespace dunlin::backup {
namespace {

namespace json = boost::json;

constexpr std::int64_t kVersion = 1;
constexpr std::string_view kSumPrefix = "sha256 ";
constexpr std::string_view kEnding = ".json";
constexpr std::size_t kHashDigits = 64;

std::unexpected<Error> damaged() {
  return fail(Errc::corrupt, "the list of files is damaged");
}

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// A path below a folder: neither empty nor absolute, and no part leads up.
bool stays_inside(std::string_view path) {
  if (path.empty() || path.size() > kMaxPathBytes || path.contains('\0')) return false;
  while (true) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == path.size()) return true;
    path.remove_prefix(slash + 1);
  }
}

Result<BackupFile> file_of(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return damaged();
  const json::value* path = object->if_contains("path");
  const json::value* size = object->if_contains("size");
  const json::value* blocks = object->if_contains("blocks");
  if (path == nullptr || !path->is_string() || size == nullptr || !size->is_int64() ||
      size->get_int64() < 0 || blocks == nullptr || !blocks->is_array())
    return damaged();
  BackupFile file{std::string(path->get_string()), static_cast<std::uint64_t>(size->get_int64())};
  if (!stays_inside(file.path)) return fail(Errc::corrupt, "the list of files names one outside the folder");
  if (blocks->get_array().size() != block_count(file.size)) return damaged();
  for (const json::value& block : blocks->get_array()) {
    if (!block.is_string() || !is_hash(block.get_string())) return damaged();
    file.blocks.emplace_back(block.get_string());
  }
  return file;
}

Result<Manifest> manifest_of(const json::object& object) {
  const json::value* instant = object.if_contains("instant");
  const json::value* program = object.if_contains("program");
  const json::value* files = object.if_contains("files");
  if (instant == nullptr || !instant->is_string() || program == nullptr || !program->is_string() ||
      files == nullptr || !files->is_array() || files->get_array().size() > kMaxFiles)
    return damaged();
  const auto time = parse_rfc3339(std::string_view(instant->get_string()));
  if (!time) return damaged();
  Manifest manifest{*time, std::string(program->get_string())};
  for (const json::value& value : files->get_array()) {
    DUNLIN_TRY(BackupFile file, file_of(value));
    // Sorted, so that none is named twice.
    if (!manifest.files.empty() && manifest.files.back().path >= file.path) return damaged();
    manifest.files.push_back(std::move(file));
  }
  return manifest;
}

}  // namespace

std::uint64_t Manifest::bytes() const {
  std::uint64_t sum = 0;
  for (const BackupFile& file : files) sum += file.size;
  return sum;
}

std::uint64_t block_count(std::uint64_t size) {
  return size / kBlockBytes + (size % kBlockBytes == 0 ? 0 : 1);
}

std::size_t block_size(std::uint64_t file_size, std::uint64_t block) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(kBlockBytes, file_size - block * kBlockBytes));
}

std::string encode(const Manifest& manifest) {
  json::array files;
  for (const BackupFile& file : manifest.files) {
    files.push_back(json::object{{"path", file.path},
                                 {"size", file.size},
                                 {"blocks", json::array(file.blocks.begin(), file.blocks.end())}});
  }
  std::string text = json::serialize(json::object{{"dunlin_backup", kVersion},
                                                  {"instant", format_rfc3339(manifest.instant)},
                                                  {"program", manifest.program},
                                                  {"files", std::move(files)}});
  const std::string sum = security::sha256_hex(as_bytes(text));
  return text + "\n" + std::string(kSumPrefix) + sum + "\n";
}

Result<Manifest> decode(std::string_view text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return damaged();
  const std::string_view body = text.substr(0, end);
  const std::string sum = std::string(kSumPrefix) + security::sha256_hex(as_bytes(body)) + "\n";
  if (text.substr(end + 1) != sum) return damaged();
  json::error_code error;
  json::parse_options options;
  options.max_depth = 4;
  const json::value value = json::parse(body, error, {}, options);
  if (error || !value.is_object()) return damaged();
  const json::value* version = value.get_object().if_contains("dunlin_backup");
  if (version == nullptr || !version->is_int64()) return damaged();
  if (version->get_int64() != kVersion)
    return fail(Errc::unsupported, "the backup has format " + std::to_string(version->get_int64()) +
                                       "; this program reads format " + std::to_string(kVersion));
  return manifest_of(value.get_object());
}

std::string manifest_name(WallTime instant) {
  std::string name = format_rfc3339(instant);
  std::ranges::replace(name, ':', '-');  // some programs take it for a host's name
  return name + std::string(kEnding);
}

bool is_manifest_name(std::string_view name) {
  return name.ends_with(kEnding);
}

}  // namespace dunlin::backup
