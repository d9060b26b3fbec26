#include "keys/secret_source.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "keys/limits.h"

namespace dunlin::keys {
namespace {

using testing::HasSubstr;
using testing::Not;

class SecretSourceTest : public testing::Test {
 protected:
  SecretSourceTest() { std::filesystem::create_directories(folder); }
  ~SecretSourceTest() override { std::filesystem::remove_all(folder); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder + "/" + name) << text;
    return folder + "/" + name;
  }
  std::string folder = std::filesystem::temp_directory_path() / ("dunlin-secret-" + std::to_string(getpid()));
};

TEST_F(SecretSourceTest, TheFirstLineCounts) {
  EXPECT_EQ(read_secret("file:" + write("a", "correct horse\nsecond\n"), "it").value(), "correct horse");
  EXPECT_EQ(read_secret("file://" + write("b", "with blanks \r\n"), "it").value(), "with blanks ");
  EXPECT_EQ(read_secret(write("c", "no end"), "it").value(), "no end");
  setenv("TEST_OF_A_SECRET", "from outside", 1);
  EXPECT_EQ(read_secret("env:TEST_OF_A_SECRET", "it").value(), "from outside");
  setenv("CREDENTIALS_DIRECTORY", folder.c_str(), 1);
  EXPECT_EQ(read_secret("credential:c", "it").value(), "no end");
  unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_EQ(read_secret("credential:c", "it").error().code, Errc::not_found);
}

TEST_F(SecretSourceTest, WhatIsMissingEmptyOrTooLongIsSaid) {
  EXPECT_EQ(read_secret("file:/nowhere/at/all", "it").error().code, Errc::not_found);
  EXPECT_EQ(read_secret("env:TEST_THAT_IS_NOT_SET", "it").error().code, Errc::not_found);
  EXPECT_EQ(read_secret(write("empty", "\n"), "it").error().code, Errc::invalid_argument);
  EXPECT_EQ(read_secret(write("long", std::string(kMaxSecretBytes + 1, 'x')), "it").error().code,
            Errc::limit_exceeded);
}

TEST_F(SecretSourceTest, TheSecretItselfIsNoSource) {
  for (const char* source : {"", "hunter2hunter2", "env:", "env:A=B", "credential:../x", "file:relative",
                             "file://host/x", "/", "prompt:x"}) {
    const auto refused = check_secret_source(source);
    ASSERT_FALSE(refused) << source;
    EXPECT_THAT(refused.error().message, Not(HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace dunlin::keys
