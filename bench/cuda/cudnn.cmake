# Finds cuDNN 9 beside the CUDA toolkit, on the system, or in VERNISSAGE_CUDNN_ROOT (the folder with include/
# and lib/, as a Python package has it), and makes vernissage_cudnn.

set(VERNISSAGE_CUDNN_ROOT "" CACHE PATH "cuDNN: the folder with include/ and lib/")
find_path(VERNISSAGE_CUDNN_INCLUDE cudnn_graph.h
  HINTS ${VERNISSAGE_CUDNN_ROOT} PATHS ${CUDAToolkit_INCLUDE_DIRS} PATH_SUFFIXES include)
find_library(VERNISSAGE_CUDNN_LIBRARY NAMES cudnn libcudnn.so.9
  HINTS ${VERNISSAGE_CUDNN_ROOT} PATHS ${CUDAToolkit_LIBRARY_DIR} ${CUDAToolkit_LIBRARY_ROOT}
  PATH_SUFFIXES lib lib64)
if(NOT (VERNISSAGE_CUDNN_INCLUDE AND VERNISSAGE_CUDNN_LIBRARY))
  message(STATUS "No cuDNN 9: vernissage-bench is built without that rival")
  return()
endif()
add_library(vernissage_cudnn INTERFACE)
target_include_directories(vernissage_cudnn SYSTEM INTERFACE ${VERNISSAGE_CUDNN_INCLUDE})
target_link_libraries(vernissage_cudnn INTERFACE ${VERNISSAGE_CUDNN_LIBRARY})
message(STATUS "cuDNN: ${VERNISSAGE_CUDNN_LIBRARY}")
