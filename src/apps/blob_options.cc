#include "apps/blob_options.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/key_options.h"

namespace dunlin::apps {

void add_blob_files(CLI::App& noun, Command& command) {
  auto put = std::make_shared<BlobPutCommand>();  // shared with the callback; so is the other
  CLI::App* put_app = noun.add_subcommand("put", "store a file as a large binary, and print its id");
  put_app->add_option("file", put->file, "the file")->required();
  put_app->add_option("--device", put->device, "whose it is (no device's)");
  put_app->add_option("--name", put->name, "the name it has there (the file's)");
  put_app->add_option("--type", put->media_type, "what it is, such as image/jpeg (as the file's name says)");
  put_app->add_option("--keep", put->keep, "how long, such as 90d; 0: for ever (as the server's rules say)");
  add_target(*put_app, put->target);
  put_app->callback([put, &command] { command = *put; });

  auto get = std::make_shared<BlobGetCommand>();
  CLI::App* get_app = noun.add_subcommand(
      "get", "write a large binary into a file; run again, it goes on where it was cut off");
  get_app->add_option("blob", get->blob, "its id")->required();
  get_app
      ->add_option("--out", get->out_file,
                   "into this file, which must not exist; FILE.part until it is whole")
      ->required();
  add_target(*get_app, get->target);
  get_app->callback([get, &command] { command = *get; });
}

}  // namespace dunlin::apps
