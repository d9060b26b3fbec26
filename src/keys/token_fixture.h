#pragma once
// A PKCS#11 token of softhsm2 in a folder of this process. Tests only.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace dunlin::keys {

inline constexpr const char* kSoftHsm = "/usr/lib/softhsm/libsofthsm2.so";
inline constexpr const char* kTestPin = "4711-0815";

/// Made once in a process: a module reads its configuration once.
class TestToken {
 public:
  static TestToken& instance() {
    static TestToken token;
    return token;
  }
  ~TestToken() { std::filesystem::remove_all(folder_); }

  const std::string& folder() const { return folder_; }
  /// "pkcs11:token=LABEL?..." of "plant" or "locks"; `pin`: a file's name in the folder.
  std::string uri(const std::string& label, const std::string& pin = "pin") const {
    return "pkcs11:token=" + label + "?module-path=" + kSoftHsm + "&pin-source=file:" + folder_ + "/" + pin;
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
  }

 private:
  void make(const std::string& label) const {
    const std::string made = "softhsm2-util --init-token --free --label " + label + " --pin " + kTestPin +
                             " --so-pin so-4711-0815 > " + folder_ + "/log 2>&1";
    EXPECT_EQ(std::system(made.c_str()), 0) << "softhsm2 is needed: tools/setup";
  }
  TestToken()
      : folder_(std::filesystem::temp_directory_path() / ("dunlin-token-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_ + "/tokens");
    write("softhsm2.conf", "directories.tokendir = " + folder_ + "/tokens\nobjectstore.backend = file\n" +
                               "log.level = ERROR\n");
    setenv("SOFTHSM2_CONF", (folder_ + "/softhsm2.conf").c_str(), 1);
    write("pin", std::string(kTestPin) + "\n");
    // A module lists its tokens when it is loaded.
    make("plant");
    make("locks");
  }
  std::string folder_;
};

}  // namespace dunlin::keys
