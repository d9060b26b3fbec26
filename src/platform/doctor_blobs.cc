// Large binaries: who may read them, whether there is room, and whether they ever go.
#include <algorithm>

#include "base/file_mode.h"
#include "platform/doctor.h"

namespace dunlin::platform {
namespace {

using Severity = Finding::Severity;

constexpr unsigned kOthers = 0077;

/// Of the folders of DIR/blobs.
struct Looked {
  std::size_t files = 0;
  std::vector<std::string> open;  // whose modes let others in
};

void look_into(Fs& fs, const std::string& folder, Looked& looked) {
  const auto is_open = [](const std::string& path) {
    const auto mode = file_mode(path);
    return mode && (*mode & kOthers) != 0;
  };
  if (is_open(folder)) looked.open.push_back(folder);
  const auto names = fs.list(folder);
  if (!names) return;
  for (const std::string& name : *names) {
    if (looked.files >= kMaxExaminedBlobs) return;
    const std::string path = folder + "/" + name;
    if (fs.is_folder(path)) {
      look_into(fs, path, looked);
      continue;
    }
    ++looked.files;
    if (is_open(path)) looked.open.push_back(path);
  }
}

std::string mebibytes(std::uint64_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

}  // namespace

Findings check_blobs(Fs& fs, const ServerConfig& config) {
  Findings found;
  const std::string folder = config.data_folder + "/blobs";
  if (!fs.is_folder(folder)) return found;
  Looked looked;
  look_into(fs, folder, looked);
  for (const std::string& path : looked.open) {
    found.push_back({Severity::warning, "blob_open", "other users may look into " + path,
                     "pictures, logs and firmware of devices lie there as they were sent",
                     "chmod -R go= '" + folder + "'"});
  }
  if (looked.files == 0) return found;
  const store::BlobOptions& limits = config.blobs.limits;
  if (const auto space = fs.free_space(folder); space && *space < limits.keep_free_bytes) {
    found.push_back({Severity::warning, "blobs_refused",
                     mebibytes(*space) + " are free on the disk of " + folder + ", and blobs leave " +
                         mebibytes(limits.keep_free_bytes) + " to others",
                     "new blobs are refused (507)",
                     "make room: dunlin blob delete, a rule in blobs.rule, or a larger disk"});
  } else if (space && *space - limits.keep_free_bytes < limits.max_blob_bytes) {
    found.push_back({Severity::note, "blob_room_small",
                     mebibytes(*space) + " are free on the disk of " + folder + ", and one blob may have " +
                         mebibytes(limits.max_blob_bytes),
                     "the largest that are allowed do not fit",
                     "make room, or lower blobs.max_bytes to what devices send"});
  }
  const auto& keep = config.blobs.keep;
  if (keep.otherwise == Duration::zero()) {
    found.push_back({Severity::note, "blobs_kept_for_ever",
                     std::string("blobs for which no rule is are kept for ever") +
                         (keep.rules.empty() ? ", and there is no rule" : ""),
                     "the disk fills in time, and what is kept can be lost to a thief",
                     "blobs.keep = \"90d\", or rules for media types and devices (docs/guide/blobs.md)"});
  }
  return found;
}

}  // namespace dunlin::platform
