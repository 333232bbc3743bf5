# Finds a CUDA toolkit: CUDA_HOME, else /usr/local/cuda, else nvcc on PATH. Without one: a status line, and
# the rest is built. Sets VERNISSAGE_CUDA_FOUND.

set(VERNISSAGE_CUDA_FOUND OFF)
find_program(VERNISSAGE_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin /usr/local/cuda/bin)
if(NOT VERNISSAGE_NVCC)
  message(STATUS "No CUDA toolkit (CUDA_HOME, /usr/local/cuda, nvcc on PATH): building without the CUDA backend")
  return()
endif()

set(archs "${VERNISSAGE_CUDA_ARCHS}")
if(archs STREQUAL "")
  # The devices present, by their own word; nvidia-smi prints one "9.0" a line.
  find_program(VERNISSAGE_NVIDIA_SMI nvidia-smi)
  if(VERNISSAGE_NVIDIA_SMI)
    execute_process(COMMAND ${VERNISSAGE_NVIDIA_SMI} --query-gpu=compute_cap --format=csv,noheader
                    OUTPUT_VARIABLE present ERROR_QUIET RESULT_VARIABLE failed)
    if(NOT failed)
      string(REGEX MATCHALL "[0-9]+\\.[0-9]+" present "${present}")
      list(TRANSFORM present REPLACE "\\." "")
      list(REMOVE_DUPLICATES present)
      set(archs "${present}")
    endif()
  endif()
  if(archs STREQUAL "")
    set(archs "80;90")
  endif()
elseif(archs STREQUAL "all")
  set(archs "75-real;80-real;86-real;89-real;90-real;100-real;120")  # the last also as PTX, for what comes
endif()

set(CMAKE_CUDA_COMPILER ${VERNISSAGE_NVCC})
set(CMAKE_CUDA_ARCHITECTURES "${archs}")
set(CMAKE_CUDA_STANDARD 20)
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  # CMake before 3.25.2 (Debian 12 has 3.25.1) does not know that nvcc has spoken C++20 since 12.0.
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
find_package(CUDAToolkit REQUIRED)
set(VERNISSAGE_CUDA_FOUND ON)
message(STATUS "CUDA ${CUDAToolkit_VERSION} (${VERNISSAGE_NVCC}), architectures ${CMAKE_CUDA_ARCHITECTURES}")
