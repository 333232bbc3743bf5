# Finds libtorch by its files: VERNISSAGE_TORCH_ROOT (the folder with include/ and lib/, as a Python package
# has it), else the system. Its own CMake package is not used, because it sets global compiler flags, asks
# for tools that only its builders need and breaks with CUDA toolkits newer than itself.
# Makes vernissage_torch (headers as system headers) and, where libtorch has CUDA, vernissage_torch_cuda.

set(VERNISSAGE_TORCH_ROOT "" CACHE PATH "libtorch: the folder with include/ and lib/")
set(hints ${VERNISSAGE_TORCH_ROOT} ${Torch_DIR}/../../..)
find_path(VERNISSAGE_TORCH_INCLUDE ATen/ATen.h HINTS ${hints} PATH_SUFFIXES include)
foreach(library torch torch_cpu c10 torch_cuda c10_cuda)
  find_library(VERNISSAGE_TORCH_${library} ${library} HINTS ${hints} PATH_SUFFIXES lib)
endforeach()
if(NOT (VERNISSAGE_TORCH_INCLUDE AND VERNISSAGE_TORCH_torch_cpu AND VERNISSAGE_TORCH_c10))
  message(STATUS "No libtorch: no reference generator, neither for the bench nor for training")
  return()
endif()

# Packages for Python up to torch 2.6 were built with the old std::string; they cannot be mixed with our code.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_INCLUDES ${VERNISSAGE_TORCH_INCLUDE})
set(CMAKE_REQUIRED_LIBRARIES ${VERNISSAGE_TORCH_torch_cpu} ${VERNISSAGE_TORCH_c10})
set(CMAKE_REQUIRED_LINK_OPTIONS -Wl,--unresolved-symbols=ignore-in-shared-libs)
check_cxx_source_compiles([[
  #include <c10/util/Exception.h>
  int main() { c10::Error error("", std::string("message")); return error.msg().size() == 0; }
]] VERNISSAGE_TORCH_LINKS)
unset(CMAKE_REQUIRED_INCLUDES)
unset(CMAKE_REQUIRED_LIBRARIES)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
if(NOT VERNISSAGE_TORCH_LINKS)
  message(STATUS "libtorch in ${VERNISSAGE_TORCH_INCLUDE} does not link with this compiler: no reference generator")
  return()
endif()

add_library(vernissage_torch INTERFACE)
target_include_directories(vernissage_torch SYSTEM INTERFACE
  ${VERNISSAGE_TORCH_INCLUDE} ${VERNISSAGE_TORCH_INCLUDE}/torch/csrc/api/include)
target_link_libraries(vernissage_torch INTERFACE ${VERNISSAGE_TORCH_torch_cpu} ${VERNISSAGE_TORCH_c10})
message(STATUS "libtorch: ${VERNISSAGE_TORCH_torch_cpu}")

if(VERNISSAGE_CUDA_FOUND AND VERNISSAGE_TORCH_torch_cuda AND VERNISSAGE_TORCH_c10_cuda)
  add_library(vernissage_torch_cuda INTERFACE)
  # Nothing names a symbol of libtorch_cuda.so, which registers its kernels when it is loaded.
  target_link_libraries(vernissage_torch_cuda INTERFACE vernissage_torch CUDA::cudart_static
    -Wl,--no-as-needed ${VERNISSAGE_TORCH_torch_cuda} ${VERNISSAGE_TORCH_c10_cuda} -Wl,--as-needed)
endif()
