# Puts files into a binary as arrays of bytes.
#
#   include(embed); vernissage_embed(TARGET DIRECTORY FILE...)   adds the generated source to TARGET
#   cmake -DOUT=... -DDIRECTORY=... -DFILES=a|b -P embed.cmake   writes it (what the build runs)

if(CMAKE_SCRIPT_MODE_FILE AND OUT)
  string(REPLACE "|" ";" files "${FILES}")
  set(arrays "")
  set(table "")
  set(index 0)
  foreach(file IN LISTS files)
    file(READ "${DIRECTORY}/${file}" hex HEX)
    string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${hex}")
    # An array of zero elements is no C++: the last byte is a zero that is not counted.
    string(APPEND arrays "constexpr char kFile${index}[] = {${bytes}'\\0'};\n")
    string(APPEND table "    {\"${file}\", {kFile${index}, sizeof kFile${index} - 1}},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  file(WRITE "${OUT}" "#include \"server/web/embedded.h\"

namespace vernissage::web {
namespace {
${arrays}
constexpr EmbeddedFile kFiles[] = {
${table}};
}  // namespace

std::span<const EmbeddedFile> embedded_files() { return kFiles; }

}  // namespace vernissage::web
")
  return()
endif()

set(VERNISSAGE_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(vernissage_embed target directory)
  set(paths "")
  foreach(file ${ARGN})
    list(APPEND paths ${directory}/${file})
  endforeach()
  string(REPLACE ";" "|" files "${ARGN}")
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${target}_embedded.cpp)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DDIRECTORY=${directory} "-DFILES=${files}"
            -P ${VERNISSAGE_EMBED_SCRIPT}
    DEPENDS ${paths} ${VERNISSAGE_EMBED_SCRIPT}
    COMMENT "Embedding ${directory}"
    VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
