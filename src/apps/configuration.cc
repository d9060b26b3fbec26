#include "apps/configuration.h"

#include <unistd.h>

#include <cstdio>

namespace dunlin::apps {

Result<config::Schema::Source> read_source(const ConfigSource& source, Fs& fs) {
  config::Schema::Source from;
  if (!source.file.empty()) {
    constexpr std::uint64_t kMaxConfigBytes = 4 * 1024 * 1024;
    auto text = read_file(fs, source.file, kMaxConfigBytes);
    if (!text) return fail(text.error().code, "cannot read " + source.file + ": " + text.error().message);
    from.file_name = source.file;
    from.file_text = *std::move(text);
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (text.starts_with("DUNLIN_") && equals != std::string_view::npos) {
      from.environment[std::string(text.substr(0, equals))] = text.substr(equals + 1);
    }
  }
  from.settings = source.settings;
  return from;
}

Result<void> load(config::Schema& schema, const ConfigSource& source, Fs& fs) {
  DUNLIN_TRY(const config::Schema::Source from, read_source(source, fs));
  return schema.load(from);
}

int report(const Error& error) {
  std::fprintf(stderr, "dunlin: %s\n", error.message.c_str());
  return 1;
}

}  // namespace dunlin::apps
